// The load of `npm run bench -- rollout`: hollow nodes, Deployments of many pods that roll to another image, and what requests take
// meanwhile. Nothing but Berth is needed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments' };
const PODS = { group: '', version: 'v1', resource: 'pods' };
const NODES = { group: '', version: 'v1', resource: 'nodes' };
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' };
const NAMESPACE = 'default';
const MERGE = 'application/merge-patch+json';
/** Milliseconds between two requests that are measured. */
const PROBE_PAUSE = 50;
const PATIENCE = 1_800_000;

/** `counts`: nodes, pods, deployments. Gives seconds and milliseconds, negative: less is better. */
export async function measureRollout(root, system, counts) {
  const { HttpClient, loadConfig } = await import('#client');
  const client = new HttpClient(loadConfig({ path: system.kubeconfig }));
  const program = join(root, 'bin', 'berth.mjs');
  const args = ['hollow-node', `--count=${counts.nodes}`, `--kubeconfig=${system.kubeconfig}`];
  const nodes = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise((resolve) => nodes.once('exit', resolve));
  try {
    const ready = await timed(() =>
      until(
        () => readyNodes(client),
        (count) => count >= counts.nodes,
      ),
    );
    const names = await createDeployments(client, counts);
    const created = await timed(() =>
      until(
        () => updatedPods(client),
        (count) => count >= counts.pods,
      ),
    );
    const probe = probing(client);
    const before = await durations(client);
    const processor = system.processor();
    const rolled = await timed(async () => {
      await inParallel(names, 8, (name) => client.patch(DEPLOYMENTS, NAMESPACE, name, MERGE, template('app:2')));
      await until(
        () => updatedPods(client),
        (count) => count >= counts.pods,
      );
    });
    const used = system.processor() - processor;
    const latencies = await probe.stop();
    const after = await durations(client);
    const memory = memoryOfTree(nodes.pid);
    return {
      'nodes ready, s': -ready,
      'pods ready, s': -created,
      'rolled out, s': -rolled,
      'pods replaced /s': counts.pods / rolled,
      'processor ms /pod': (-1000 * used) / counts.pods,
      'request p50 ms': -quantile(latencies, 0.5),
      'request p99 ms': -quantile(latencies, 0.99),
      'server p99 ms, at most': -serverQuantile(before, after, 0.99),
      'server memory MB': -system.memory(),
      'hollow nodes MB': -memory,
    };
  } finally {
    nodes.kill('SIGTERM');
    await ended;
  }
}

async function timed(work) {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function until(read, holds) {
  let shown = 0;
  for (const end = Date.now() + PATIENCE; ; await sleep(1000)) {
    const value = await read();
    if (holds(value)) return;
    if (Date.now() > end) throw new Error(`rollout: not done after ${PATIENCE / 1000} s: ${value}`);
    if (Date.now() - shown > 15_000) console.error(`  ${value}`);
    if (Date.now() - shown > 15_000) shown = Date.now();
  }
}

async function readyNodes(client) {
  const { items } = await client.list(NODES);
  const isReady = ({ status }) =>
    status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return items.filter(isReady).length;
}

/** Pods that are ready and of the newest template, when nothing older is left. */
async function updatedPods(client) {
  const { items } = await client.list(DEPLOYMENTS, { namespace: NAMESPACE });
  const done = items.map(({ metadata, status = {} }) => {
    const isCurrent = status.observedGeneration === metadata.generation;
    const isWhole = status.replicas === status.updatedReplicas;
    return isCurrent && isWhole ? Math.min(status.updatedReplicas ?? 0, status.availableReplicas ?? 0) : 0;
  });
  return done.reduce((sum, count) => sum + count, 0);
}

function template(image) {
  return { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } };
}

async function createDeployments(client, { pods, deployments }) {
  const names = Array.from({ length: deployments }, (_, at) => `load-${at}`);
  await inParallel(names, 8, (name) => {
    const labels = { app: name };
    const { spec } = template('app:1').spec.template;
    return client.create(DEPLOYMENTS, NAMESPACE, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: NAMESPACE },
      spec: {
        replicas: pods / deployments,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec },
      },
    });
  });
  return names;
}

async function inParallel(items, workers, work) {
  const left = items.values();
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

/** What a user does meanwhile: reads, and writes of one object. Milliseconds of each. */
function probing(client) {
  const latencies = [];
  let stopped = false;
  const steps = [
    () => client.list(PODS, { namespace: NAMESPACE, limit: 100 }),
    () => client.get(DEPLOYMENTS, NAMESPACE, 'load-0'),
    () => client.create(CONFIG_MAPS, NAMESPACE, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'probe' } }),
    () => client.patch(CONFIG_MAPS, NAMESPACE, 'probe', MERGE, { data: { a: String(latencies.length) } }),
    () => client.delete(CONFIG_MAPS, NAMESPACE, 'probe'),
  ];
  const running = (async () => {
    for (let at = 0; !stopped || at % steps.length !== 0; at += 1) {
      const began = performance.now();
      await steps[at % steps.length]();
      latencies.push(performance.now() - began);
      await sleep(PROBE_PAUSE);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await running;
      return latencies;
    },
  };
}

function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Requests of the server by the bucket of their duration; those that are meant to last are left out. */
async function durations(client) {
  const { body } = await client.transport.request({ method: 'GET', path: '/metrics' });
  const counts = new Map();
  const line = /^apiserver_request_duration_seconds_bucket\{([^}]*)\} (\S+)/gm;
  for (const [, labels, value] of body.toString().matchAll(line)) {
    if (/verb="(WATCH|CONNECT|LIST)"/.test(labels)) continue;
    const limit = Number(/le="([^"]*)"/.exec(labels)[1].replace('+Inf', 'Infinity'));
    counts.set(limit, (counts.get(limit) ?? 0) + Number(value));
  }
  return counts;
}

function serverQuantile(before, after, share) {
  const limits = [...after.keys()].sort((a, b) => a - b);
  const difference = (limit) => after.get(limit) - (before.get(limit) ?? 0);
  const all = difference(limits.at(-1));
  return limits.find((limit) => difference(limit) >= all * share) * 1000;
}

/** Proportional set size in MB of a process and of all below it. */
function memoryOfTree(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  const kilobytes = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return children.reduce((sum, id) => sum + memoryOfTree(id), Math.round(Number(kilobytes ?? 0) / 1024));
}
