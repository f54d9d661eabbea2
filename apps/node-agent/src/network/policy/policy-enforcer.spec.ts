import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '#apimachinery';
import { type Logger, SharedInformers } from '#client';
import { type EndpointSlice, gvr, type NetworkPolicy, type Pod, type Service } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { FakeClock } from '#testing';
import { MemoryClient } from '../../testing/memory-client.js';
import { dnsPods } from './dns-pods.js';
import { bridgeGap } from './node-policies.js';
import { PolicyEnforcer, reportUnenforced } from './policy-enforcer.js';
import { PolicyMetrics } from './policy-metrics.js';
import { policyPod, slimPod } from './policy-pod.js';
import type { PolicySync, PolicyTable, RefusedPolicy } from './policy-table.js';

/** Records what is set and synced. */
class Table implements PolicyTable {
  broken = false;
  readonly held = new Map<string, string>();
  private readonly inbox = new Map<string, string>();
  impossible = '';
  impossiblePod = '';
  refused: RefusedPolicy[] = [];
  failure: Error | undefined;
  syncs = 0;
  gone = false;

  setPolicy(name: string, policy: string): void {
    if (name === this.impossible && policy.includes('{"pods"')) throw new Error('invalid CIDR address: x');
    this.inbox.set(`policy ${name}`, policy);
  }

  setPod(name: string, pod: string): void {
    if (name === this.impossiblePod && pod) throw new Error('invalid IP address syntax');
    this.inbox.set(`pod ${name}`, pod);
  }

  async sync(): Promise<PolicySync> {
    this.syncs++;
    if (this.failure) throw this.failure;
    for (const [key, text] of this.inbox) {
      if (text) this.held.set(key, text);
      else this.held.delete(key);
    }
    this.inbox.clear();
    return { full: false, written: 1, removed: 0, refused: this.refused };
  }

  async verify(): Promise<PolicySync | null> {
    return this.gone ? { full: true, written: 1, removed: 0, refused: [] } : null;
  }

  async cleanup(): Promise<void> {}
}

const policy = (name: string): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { namespace: 'shop', name },
  spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }] }] },
});
const pod = (name: string, uid = name): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name, uid, labels: { app: 'web' } },
  spec: { nodeName: 'here', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 80 }] }] },
  status: { phase: 'Pending' },
});

let ending: AbortController;
let clock: FakeClock;
let client: MemoryClient;
let tables: Table[];
let told: string[];
let metrics: MetricsRegistry;
let running: Promise<void>;
let enforcer: PolicyEnforcer;
let gap: string | undefined;
const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} };
const events = {
  event: (object: KubeObject, _type: string, reason: string, message: string) =>
    void told.push(`${object.metadata.name} ${reason} ${message}`),
};
const sample = (name: string) => metrics.samples().find(({ metricName }) => metricName === name)?.value;

beforeEach(() => {
  ending = new AbortController();
  clock = new FakeClock();
  client = new MemoryClient();
  tables = [];
  told = [];
  gap = undefined;
  metrics = new MetricsRegistry(silent);
});
afterEach(async () => {
  ending.abort();
  await clock.advance(0);
  await running;
});

async function start(): Promise<Table> {
  const informers = new SharedInformers(client, { clock, logger: silent });
  const peers = new SharedInformers(client, { clock, logger: silent });
  const open = () => {
    tables.push(new Table());
    return tables.at(-1)!;
  };
  const shown = new PolicyMetrics(metrics);
  const table = open();
  const options = { nodeName: 'here', informers, peers, table, open, gap: () => gap, events, clock, logger: silent };
  enforcer = new PolicyEnforcer({ ...options, metrics: shown });
  informers.start(ending.signal);
  running = enforcer.run(ending.signal);
  await clock.advance(200);
  return table;
}

/** Undefined while it waits. */
async function isolated(of: Pod, addresses: string[], waits = true): Promise<string | undefined> {
  let outcome: string | undefined;
  enforcer.isolate(of, addresses, waits, ending.signal).then(
    () => {
      outcome = 'isolated';
    },
    (error: Error) => {
      outcome = error.message;
    },
  );
  await clock.advance(100);
  return outcome;
}

test('without a policy no pod is followed, and none waits', async () => {
  await client.create(gvr.pods, 'shop', pod('a'));
  const table = await start();
  assert.equal(await isolated(pod('a'), ['10.244.0.5']), 'isolated');
  assert.deepEqual([...table.held], []);
});

test('a pod waits until its addresses are isolated, which the API does not know yet', async () => {
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  await client.create(gvr.pods, 'shop', pod('a'));
  const table = await start();
  assert.ok(table.held.has('policy shop/p') && !table.held.has('pod shop/a'));
  assert.equal(await isolated(pod('a'), ['10.244.0.5', 'fd00::5']), 'isolated');
  assert.deepEqual(JSON.parse(table.held.get('pod shop/a')!), {
    addresses: ['10.244.0.5', 'fd00::5'],
    selectors: ['shop/<none>'],
    ingress: ['shop/p'],
  });
  assert.equal(sample('berth_network_policies'), 1);
  enforcer.release('a');
  await clock.advance(100);
  assert.equal(table.held.has('pod shop/a'), false);
});

test('a pod of a manifest has its copy’s name and another uid', async () => {
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  await client.create(gvr.pods, 'shop', pod('a', 'copy'));
  const table = await start();
  await isolated(pod('a', 'original'), ['10.244.0.6'], false);
  assert.match(table.held.get('pod shop/a')!, /10\.244\.0\.6/);
});

test('a pod does not start when the kernel does not take its rules, and does once it does', async () => {
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  await client.create(gvr.pods, 'shop', pod('a'));
  const table = await start();
  table.failure = new Error('nftables: Operation not permitted');
  assert.equal(await isolated(pod('a'), ['10.244.0.5']), 'nftables: Operation not permitted');
  assert.equal(sample('berth_network_policy_enforced'), 0);
  table.failure = undefined;
  await clock.advance(2000);
  assert.equal(await isolated(pod('a'), ['10.244.0.5']), 'isolated');
  assert.equal(sample('berth_network_policy_enforced'), 1);
});

test('a policy that cannot be written is named once, lets nothing pass, and keeps no other', async () => {
  const table = await start();
  table.impossible = 'shop/bad';
  await client.create(gvr.networkpolicies, 'shop', policy('bad'));
  await client.create(gvr.networkpolicies, 'shop', policy('good'));
  await clock.advance(200);
  assert.equal(table.held.get('policy shop/bad'), '{"ingress":[]}');
  assert.match(table.held.get('policy shop/good')!, /pods/);
  table.refused = [{ policy: 'shop/good', family: 'IPv4', message: 'Invalid argument' }];
  await client.create(gvr.networkpolicies, 'shop', policy('more'));
  await clock.advance(200);
  await client.delete(gvr.networkpolicies, 'shop', 'more');
  await clock.advance(200);
  assert.deepEqual(
    told.map((text) => text.replace(/Node.*then: /, '')),
    [
      'bad FailedToEnforceNetworkPolicy invalid CIDR address: x',
      'good FailedToEnforceNetworkPolicy IPv4: Invalid argument',
    ],
  );
  assert.equal(sample('berth_network_policy_refused_total'), 3);
});

test('a pod that cannot be made rules of does not start, and keeps no other', async () => {
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  const table = await start();
  table.impossiblePod = 'shop/bad';
  assert.equal(await isolated(pod('bad'), ['10.244.0.5']), 'invalid IP address syntax');
  assert.equal(await isolated(pod('good'), ['10.244.0.6']), 'isolated');
  assert.equal(await isolated(pod('bad'), ['10.244.0.5']), 'invalid IP address syntax');
  assert.ok(table.held.has('pod shop/good') && !table.held.has('pod shop/bad'));
  assert.equal(sample('berth_network_policy_sync_failures_total'), 1);
  table.impossiblePod = '';
  assert.equal(await isolated(pod('bad'), ['10.244.0.7']), 'isolated');
});

test('after only a part was set, another table gets everything', async () => {
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  const table = await start();
  table.setPolicy = () => {
    throw new Error('out of memory');
  };
  await client.create(gvr.networkpolicies, 'shop', policy('q'));
  await clock.advance(2000);
  assert.equal(tables.length, 2);
  assert.deepEqual([...tables[1]!.held.keys()].sort(), ['policy shop/p', 'policy shop/q']);
});

test('a pod whose addresses nobody knows does not start', async () => {
  await start();
  assert.equal(await isolated(pod('a'), []), 'the addresses of the sandbox are not known');
});

test('after a panic another table gets everything', async () => {
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  const table = await start();
  table.broken = true;
  await client.create(gvr.networkpolicies, 'shop', policy('q'));
  await clock.advance(200);
  assert.equal(tables.length, 2);
  assert.deepEqual([...tables[1]!.held.keys()].sort(), ['policy shop/p', 'policy shop/q']);
});

test('rules that were gone are counted', async () => {
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  const table = await start();
  table.gone = true;
  await clock.advance(31_000);
  assert.equal(sample('berth_network_policy_repairs_total'), 1);
});

test('traffic that meets no rules is told of on the node, once there is a policy', async () => {
  gap = 'the module is missing';
  await start();
  assert.deepEqual(told, []);
  await client.create(gvr.networkpolicies, 'shop', policy('p'));
  await clock.advance(200);
  const text = 'NetworkPolicies are not enforced for pods of this node: the module is missing';
  assert.deepEqual(told, [`here NetworkPolicyNotEnforced ${text}`]);
  assert.equal(sample('berth_network_policy_enforced'), 0);
});

test('a node that cannot enforce policies says so once there is one', async () => {
  await start();
  const peers = new SharedInformers(client, { clock, logger: silent });
  reportUnenforced({ nodeName: 'here', peers, events, logger: silent }, 'no nftables');
  peers.start(ending.signal);
  await clock.advance(100);
  assert.deepEqual(told, []);
  for (const name of ['p', 'q']) await client.create(gvr.networkpolicies, 'shop', policy(name));
  await clock.advance(100);
  assert.deepEqual(told, [
    'here NetworkPolicyNotEnforced NetworkPolicies are not enforced for pods of this node: no nftables',
  ]);
});

test('a bridge shows its frames to rules when the kernel is told to', () => {
  const root = mkdtempSync(join(tmpdir(), 'berth-bridge-'));
  try {
    assert.match(bridgeGap(root)!, /br_netfilter is not loaded/);
    mkdirSync(join(root, 'net/bridge'), { recursive: true });
    const set = (name: string, value: string) => writeFileSync(join(root, 'net/bridge', name), `${value}\n`);
    set('bridge-nf-call-iptables', '1');
    set('bridge-nf-call-ip6tables', '0');
    assert.match(bridgeGap(root)!, /bridge-nf-call-ip6tables is off/);
    set('bridge-nf-call-ip6tables', '1');
    assert.equal(bridgeGap(root), undefined);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('a small copy of a pod has all that policies need; one of the node’s network, or one that has ended, is none', () => {
  const named = { ...pod('a'), status: { phase: 'Running', podIPs: [{ ip: '10.244.0.5' }] } } as Pod;
  named.spec.initContainers = [
    { name: 'i', ports: [{ name: 'once', containerPort: 1 }] },
    { name: 's', restartPolicy: 'Always', ports: [{ name: 'side', protocol: 'UDP', containerPort: 2 }] },
  ];
  assert.deepEqual(policyPod(slimPod(named)), policyPod(named));
  assert.deepEqual(policyPod(named)!.ports, [
    { name: 'http', protocol: 'TCP', number: 80 },
    { name: 'side', protocol: 'UDP', number: 2 },
  ]);
  assert.equal(policyPod({ ...named, status: { phase: 'Failed' } } as Pod), undefined);
  assert.equal(policyPod(slimPod({ ...named, spec: { ...named.spec, hostNetwork: true } })), undefined);
});

test('cluster DNS stands for pods where nodes answer, and not where pods do', () => {
  const service = { metadata: { labels: { 'k8s-app': 'kube-dns' } } } as unknown as Service;
  const slice = (addresses: string[], kind?: string) =>
    ({
      endpoints: addresses.map((address) => ({ addresses: [address], ...(kind ? { targetRef: { kind } } : {}) })),
      ports: [{ name: 'dns', protocol: 'UDP', port: 10053 }],
    }) as unknown as EndpointSlice;
  assert.deepEqual(dnsPods(service, [slice(['192.0.2.1']), slice(['fd00::1'])]), {
    namespace: 'kube-system',
    labels: { 'k8s-app': 'kube-dns' },
    model: {
      addresses: ['192.0.2.1', 'fd00::1'],
      ports: [{ name: 'dns', protocol: 'UDP', number: 10053 }],
      dns: true,
    },
  });
  const names = { ...slice(['dns.example.com']), addressType: 'FQDN' } as EndpointSlice;
  assert.deepEqual(dnsPods(service, [names, slice(['192.0.2.1', 'no address'])])!.model.addresses, ['192.0.2.1']);
  assert.equal(dnsPods(service, [names]), undefined);
  assert.equal(dnsPods(service, [slice(['10.244.0.9'], 'Pod')]), undefined);
  assert.equal(dnsPods(undefined, [slice(['192.0.2.1'])]), undefined);
});
