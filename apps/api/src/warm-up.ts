import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:https';
import { tokenVolume } from './admission/plugins/service-account.js';
import { MERGE_PATCH, STRATEGIC_PATCH } from './registry/verbs/patch.js';

/** Milliseconds that a start waits for the warm-up at most, and rounds after which it gains little. */
const BUDGET_MS = 700;
const ROUNDS = 100;

/** Watches that are told of the writes of each round. */
const WATCHES = 8;

const WHOLE = 'application/json';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';

export interface WarmUpOptions {
  /** Where this process serves. */
  url: string;
  ca: string;
  /** A client certificate that may do everything. */
  cert: string;
  key: string;
}

export interface WarmUp {
  rounds: number;
  /** Why requests were refused, each reason once: their way through the server is not warm. */
  refused: string[];
}

interface Call {
  method: string;
  path: string;
  type?: string;
  body?: object;
}

/**
 * Makes common requests of this server, as its clients do, until V8 has compiled what serves them: the first thousands of requests
 * after a start would otherwise take twice the time of later ones. They are dry runs, but for the writes to one Lease of its own that
 * watches are told of, as those of a Lease leave no history. Bounded in time, so that a slow machine starts all the same.
 */
export async function warmUp(options: WarmUpOptions): Promise<WarmUp> {
  const client = new WarmUpClient(options);
  // Another replica may be starting, too.
  const name = `warm-up-${randomBytes(4).toString('hex')}`;
  const path = `${LEASES}/${name}`;
  const end = performance.now() + BUDGET_MS;
  let rounds = 0;
  try {
    await client.call({ method: 'POST', path: LEASES, body: lease(name) });
    for (let i = 0; i < WATCHES; i += 1) client.watch(`${LEASES}?watch=1&fieldSelector=metadata.name%3D${name}`);
    const requests = commonRequests();
    for (; rounds < ROUNDS && performance.now() < end; rounds += 1) {
      await Promise.all(requests.map((each) => client.call(each)));
      const body = { metadata: { annotations: { round: String(rounds) } } };
      await client.call({ method: 'PATCH', path, type: MERGE_PATCH, body });
    }
    await client.call({ method: 'DELETE', path });
  } finally {
    client.close();
  }
  return { rounds, refused: [...client.refused] };
}

class WarmUpClient {
  readonly refused = new Set<string>();
  private readonly agent: Agent;

  constructor(private readonly options: WarmUpOptions) {
    const { ca, cert, key } = options;
    this.agent = new Agent({ keepAlive: true, ca, cert, key });
  }

  /** Resolves when the answer is there, whatever it is. */
  async call({ method, path, type = WHOLE, body }: Call): Promise<void> {
    const failure = await this.send(method, path, type, body && JSON.stringify(body)).catch((error) => String(error));
    if (failure !== undefined) this.refused.add(`${method} ${path}: ${failure}`);
  }

  watch(path: string): void {
    void this.call({ method: 'GET', path });
  }

  /** Ends the watches, too. */
  close(): void {
    this.agent.destroy();
  }

  private send(method: string, path: string, type: string, body = ''): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'User-Agent': 'warm-up/v0' };
      const sent = request(`${this.options.url}${path}`, { method, agent: this.agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        const failed = response.statusCode! >= 300;
        response.on('data', (chunk: string) => {
          if (failed) text += chunk;
        });
        response.on('end', () => resolve(failed ? text : undefined));
        response.on('error', () => resolve(undefined));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

function lease(name: string): object {
  const spec = { holderIdentity: 'warm-up', leaseDurationSeconds: 10 };
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec };
}

function commonRequests(): Call[] {
  const dry = '?dryRun=All';
  const labels = { app: 'warm-up', tier: 'web' };
  // As the pods of ordinary clients have it once a token is mounted; mirror pods must not.
  const volumes = [...podSpec().volumes, tokenVolume('api-access')];
  const template = { metadata: { labels }, spec: { ...podSpec(), volumes } };
  // A mirror pod needs no ServiceAccount, which a new cluster does not have yet; it names its node.
  const metadata = { name: 'warm-up', labels, annotations: { 'kubernetes.io/config.mirror': 'warm-up' } };
  const body = { metadata: { labels: { patched: 'yes' } } };
  const core = '/api/v1/namespaces/default';
  return [
    {
      method: 'POST',
      path: `${core}/pods${dry}`,
      body: { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...podSpec(), nodeName: 'warm-up' } },
    },
    {
      method: 'POST',
      path: `/apis/apps/v1/namespaces/default/deployments${dry}`,
      body: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'warm-up', labels },
        spec: { replicas: 2, selector: { matchLabels: labels }, template },
      },
    },
    {
      method: 'POST',
      path: `${core}/configmaps${dry}`,
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'warm-up' }, data: { key: 'value' } },
    },
    { method: 'PATCH', path: `${core}${dry}`, type: STRATEGIC_PATCH, body },
    { method: 'PATCH', path: `${core}${dry}`, type: MERGE_PATCH, body },
    { method: 'GET', path: core },
    { method: 'GET', path: `${core}/services?labelSelector=component%3Dapiserver` },
  ];
}

function podSpec() {
  return {
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [
      {
        name: 'web',
        image: 'registry.example/web:1',
        args: ['--port=8080'],
        ports: [{ containerPort: 8080 }],
        env: [
          { name: 'MODE', value: 'warm' },
          { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        ],
        resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
        readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
        volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
      },
    ],
    volumes: [{ name: 'scratch', emptyDir: {} }],
  };
}
