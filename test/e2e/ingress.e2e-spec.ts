import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';
import { webManifest } from './manifests.js';

const IMAGES = ['berth.local/web:1', 'berth.local/web:2'] as const;
const HOST = 'shop.example.test';

function ingressOf(
  name: string,
  host: string,
  more: { annotations?: string; tls?: string; path?: string } = {},
): string {
  return `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, annotations: {${more.annotations ?? ''}}}
spec:
  ${more.tls ? `tls: [{hosts: [${host}], secretName: ${more.tls}}]` : ''}
  rules:
  - host: ${host}
    http: {paths: [{path: ${more.path ?? '/'}, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`;
}

describeUnless(clusterMissing(), 'Ingress', () => {
  let cluster: Cluster;

  const curl = (host: string, path: string, ...more: string[]) =>
    cluster.run(['curl', '-sS', '--max-time', '5', '-H', `Host: ${host}`, ...more, `http://${cluster.nodeIp}${path}`]);
  const status = async (host: string, path: string, ...more: string[]) =>
    (await curl(host, path, '-o', '/dev/null', '-w', '%{http_code}', ...more)).stdout;
  const page = async (host: string, path = '/') => (await curl(host, path)).stdout.trim();
  /** A self-signed certificate as a Secret of kubectl, replaced if it is there. */
  const certificate = async (secret: string, host: string, serial: number) => {
    const [key, cert] = [join(cluster.directory, `${secret}.key`), join(cluster.directory, `${secret}.crt`)];
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '9',
    ];
    const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-set_serial', String(serial)];
    execFileSync('openssl', [...request, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const files = [`--cert=${cert}`, `--key=${key}`];
    await cluster.apply(
      await cluster.kubectl('create', 'secret', 'tls', secret, ...files, '--dry-run=client', '-oyaml'),
    );
    return cert;
  };
  const https = (host: string, cert: string) =>
    cluster.run([
      ...['curl', '-sS', '--max-time', '5', '--cacert', cert, '--resolve', `${host}:443:${cluster.nodeIp}`],
      `https://${host}/`,
    ]);

  beforeAll(async () => {
    cluster = new Cluster('ingress');
    await cluster.up();
    await cluster.importImage(IMAGES[0], 'version one');
    await cluster.importImage(IMAGES[1], 'version two');
    await cluster.apply(webManifest(IMAGES[0]));
    await cluster.apply(ingressOf('shop', HOST));
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  });
  afterAll(() => cluster?.close());

  test('a host is served, and hosts that nobody claims are not', async () => {
    await until('the page', async () => (await page(HOST)) === 'version one');
    assert.equal(await status('other.example.test', '/'), '404');
  });

  test('the Ingress has the default class, and the address of the node', async () => {
    const { spec } = await cluster.json('get', 'ingress', 'shop');
    assert.equal(spec.ingressClassName, 'berth');
    await until('its address', async () => {
      const { status: shown } = await cluster.json('get', 'ingress', 'shop');
      return shown.loadBalancer?.ingress?.[0]?.ip === cluster.nodeIp;
    });
  });

  test('HTTPS has the certificate of the Secret, and that of a changed Secret at once', async () => {
    const host = 'secure.example.test';
    const first = await certificate('secure', host, 1);
    const firstText = readFileSync(first);
    await cluster.apply(ingressOf('secure', host, { tls: 'secure' }));
    await until('the page by HTTPS', async () => (await https(host, first)).stdout.trim() === 'version one');
    assert.equal(await status(host, '/', '-o', '/dev/null'), '308');
    const second = await certificate('secure', host, 2);
    assert.notDeepEqual(readFileSync(second), firstText);
    await until('the new certificate', async () => (await https(host, second)).code === 0, 10);
  });

  test('what is wrong is told by Events', async () => {
    await cluster.apply(ingressOf('second', HOST));
    await cluster.apply(ingressOf('no-secret', 'no-secret.example.test', { tls: 'missing' }));
    const snippet = 'nginx.ingress.kubernetes.io/configuration-snippet: "deny all;"';
    await cluster.apply(ingressOf('snippet', 'snippet.example.test', { annotations: snippet }));
    const reasons = async (name: string) => {
      const events = await cluster.json('get', 'events', `--field-selector=involvedObject.name=${name}`);
      return events.items.map((event: any) => `${event.type} ${event.reason}: ${event.message}`).join('\n');
    };
    for (const [name, expected] of [
      [
        'second',
        /^Warning HostClaimed: host "shop\.example\.test" path "\/" is served by the older Ingress default\/shop/m,
      ],
      ['no-secret', /^Warning BadCertificate: Secret default\/missing does not exist/m],
      ['snippet', /^Warning BadAnnotation: annotation nginx.*configuration-snippet: snippets of nginx .* are refused/m],
    ] as const) {
      await until(`the Event of ${name}`, async () => expected.test(await reasons(name)), 15);
    }
    assert.equal(await status('snippet.example.test', '/'), '503');
    await cluster.kubectl('delete', 'ingress', 'second', 'no-secret', 'snippet');
  });

  test('annotations rewrite, and keep out', async () => {
    const annotation = (name: string, value: string) => `nginx.ingress.kubernetes.io/${name}: ${JSON.stringify(value)}`;
    await cluster.apply(
      [
        ingressOf('rewrite', 'rewrite.example.test', {
          annotations: annotation('rewrite-target', '/$1'),
          path: '/app/(.*)',
        }),
        ingressOf('closed', 'closed.example.test', {
          annotations: annotation('whitelist-source-range', '192.0.2.0/24'),
        }),
      ].join('---\n'),
    );
    await until(
      'the rewritten page',
      async () => (await page('rewrite.example.test', '/app/index.html')) === 'version one',
    );
    await until('403', async () => (await status('closed.example.test', '/')) === '403');
  });

  test('a rollout loses no request', async () => {
    let done = false;
    const seen = new Map<string, number>();
    const client = async () => {
      while (!done) {
        const { code, stdout, stderr } = await curl(HOST, '/');
        const result = code === 0 ? stdout.trim() : `${code} ${stderr}`;
        seen.set(result, (seen.get(result) ?? 0) + 1);
        await sleep(10);
      }
    };
    const clients = [client(), client()];
    await cluster.kubectl('set', 'image', 'deployment/web', `web=${IMAGES[1]}`);
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
    await until('the new page alone', async () => (await page(HOST)) === 'version two');
    done = true;
    await Promise.all(clients);
    assert.deepEqual([...seen.keys()].sort(), ['version one', 'version two'], JSON.stringify([...seen]));
  });

  test('it serves on while the API is down, and has metrics', async () => {
    process.kill(await cluster.pidOf('server'), 'SIGKILL');
    assert.equal(await page(HOST), 'version two');
    const metrics = await cluster.ok(['curl', '-sS', 'http://127.0.0.1:10254/metrics']);
    assert.match(metrics, /^berth_ingress_requests_total\{namespace="default",ingress="shop",code="200"\} [1-9]/m);
  });
});
