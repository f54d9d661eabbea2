import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Cluster, until } from './cluster.js';
import { serviceOf } from './manifests.js';
import type { LoadResult } from './request-load.js';

const IMAGE = 'berth.local/abrupt:1';
const HOST = 'shop.example.test';
const NODE_PORT = 30080;
/** Milliseconds between two requests of one way: with three ways, 200 requests a second. */
const EVERY = 15;

/** Dies of the signal at once, with all requests that it has. */
const ABRUPT = `trap 'exit 0' TERM; httpd -f -p 8080 -h /www & wait`;

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: web
        image: ${IMAGE}
        command: [sh, -c, ${JSON.stringify(ABRUPT)}]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
${serviceOf('shop', `type: NodePort, selector: {app: shop}, ports: [{port: 80, targetPort: 8080, nodePort: ${NODE_PORT}}]`)}---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
  - host: ${HOST}
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}
`;

/** Roll-outs of pods without any hook, while clients ask them by ClusterIP, node port and Ingress. */
export class Rollouts {
  private readonly load = join(dirname(fileURLToPath(import.meta.url)), 'request-load.js');

  constructor(private readonly cluster: Cluster) {}

  async prepare(): Promise<void> {
    const { cluster } = this;
    await cluster.importImage(IMAGE, 'page');
    await cluster.apply(MANIFEST);
    await this.rolledOut();
    for (const [way, url] of Object.entries(await this.ways())) {
      const curl = ['curl', '-sf', '--max-time', '5', '-H', `Host: ${HOST}`, '-o', '/dev/null', url];
      await until(`an answer by ${way}`, async () => (await cluster.run(curl)).code === 0);
    }
  }

  /** What became of the requests of each way while the pods were replaced so many times, or until `goesOn` says false. */
  async run(rounds: number, goesOn: (round: number) => boolean = () => true): Promise<Record<string, LoadResult>> {
    const ways = Object.entries(await this.ways()).map(([way, url]) => `${way}=${url}=${HOST}`);
    const load = this.cluster.spawn([process.execPath, this.load, String(EVERY), ...ways]);
    const output = text(load.stdout!);
    try {
      for (let round = 1; round <= rounds; round++) {
        await this.cluster.kubectl('rollout', 'restart', 'deployment/shop');
        await this.rolledOut();
        if (!goesOn(round)) break;
      }
    } finally {
      load.stdin!.end();
    }
    return JSON.parse(await output);
  }

  private rolledOut(): Promise<string> {
    return this.cluster.kubectl('rollout', 'status', 'deployment/shop', '--timeout=90s');
  }

  private async ways(): Promise<Record<string, string>> {
    const { clusterIP } = (await this.cluster.json('get', 'service', 'shop')).spec;
    const { nodeIp } = this.cluster;
    return {
      clusterIP: `http://${clusterIP}/`,
      nodePort: `http://${nodeIp}:${NODE_PORT}/`,
      ingress: `http://${nodeIp}/`,
    };
  }
}
