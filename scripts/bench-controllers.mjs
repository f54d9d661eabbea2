// The load of `npm run bench -- controllers`: one Deployment of many pods, which nobody schedules or runs. What is measured is the
// control loops, and the API server and the database under them.
import { setTimeout as sleep } from 'node:timers/promises';

const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments' };
const PODS = { group: '', version: 'v1', resource: 'pods' };
const ACCOUNTS = { group: '', version: 'v1', resource: 'serviceaccounts' };
const NAMESPACE = 'default';
const NAME = 'load';
const MERGE = 'application/merge-patch+json';
const PATIENCE = 900_000;
const LOOK = 250;

/** Gives rates, and times and sizes as negative numbers: less is better. `usage` tells what the system's processes use. */
export async function measureControllers(system, pods, usage) {
  const { HttpClient, loadConfig } = await import('#client');
  const client = new HttpClient(loadConfig({ path: system.kubeconfig }));
  try {
    // Pods are refused until their account is there.
    await until('the account', () => client.get(ACCOUNTS, NAMESPACE, 'default').catch(() => undefined));
    const before = usage();
    let memory = before.memory;
    const watching = setInterval(() => {
      memory = Math.max(memory, usage().memory);
    }, 1500);
    try {
      await client.create(DEPLOYMENTS, NAMESPACE, deployment(pods));
      const created = await timed(() => until('the pods', async () => (await counted(client)) === pods));
      await client.patch(DEPLOYMENTS, NAMESPACE, NAME, MERGE, template('app:2'));
      // No pod is ever ready: the roll-out goes as far as the surge and the missing pods allow.
      const rolled = await timed(() => until('the roll-out', async () => (await updated(client)) >= surge(pods)));
      await client.patch(DEPLOYMENTS, NAMESPACE, NAME, MERGE, { spec: { replicas: 0 } });
      const deleted = await timed(() => until('no pods', async () => (await someLeft(client)) === 0));
      const { processor } = usage();
      return {
        'pods created /s': pods / created,
        'roll-out begun, s': -rolled,
        'pods deleted /s': pods / deleted,
        'processor s': -(processor - before.processor),
        'memory MB': -memory,
      };
    } finally {
      clearInterval(watching);
    }
  } finally {
    client.close();
  }
}

const surge = (pods) => Math.ceil(pods / 4);

function template(image) {
  return { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } };
}

function deployment(replicas) {
  const labels = { app: NAME };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, ...template('app:1').spec.template },
    },
  };
}

async function counted(client) {
  const { status } = await client.get(DEPLOYMENTS, NAMESPACE, NAME);
  return status?.replicas ?? 0;
}

async function updated(client) {
  const { metadata, status } = await client.get(DEPLOYMENTS, NAMESPACE, NAME);
  return status?.observedGeneration === metadata.generation ? (status.updatedReplicas ?? 0) : 0;
}

async function someLeft(client) {
  const { items } = await client.list(PODS, { namespace: NAMESPACE, limit: 1 });
  return items.length;
}

async function timed(work) {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function until(what, holds) {
  for (const end = Date.now() + PATIENCE; !(await holds()); await sleep(LOOK)) {
    if (Date.now() > end) throw new Error(`controllers: ${what}: not after ${PATIENCE / 1000} s`);
  }
}
