// The load of `npm run bench -- restart`: a control plane that is stopped and started again on a database with many pods. Its
// controllers have caught up when their queues are empty and a change of the last Deployment has been acted on.
import { setTimeout as sleep } from 'node:timers/promises';

const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments' };
const NAMESPACE = 'default';
const MERGE = 'application/merge-patch+json';
const PATIENCE = 900_000;
const LOOK = 100;

/** `counts`: pods, deployments. Gives seconds and MB, negative: less is better. */
export async function measureRestart(system, { pods, deployments }) {
  const { HttpClient, loadConfig } = await import('#client');
  const connect = () => new HttpClient(loadConfig({ path: system.kubeconfig }));
  let client = connect();
  const names = Array.from({ length: deployments }, (_, at) => `load-${at}`);
  const each = Math.round(pods / deployments);
  for (const name of names) await client.create(DEPLOYMENTS, NAMESPACE, deployment(name, each));
  await until('the pods', async () => {
    const { items } = await client.list(DEPLOYMENTS, { namespace: NAMESPACE });
    return items.every(({ status }) => status?.replicas === each);
  });
  client.close();
  system.stop();
  const began = performance.now();
  const passed = () => (performance.now() - began) / 1000;
  system.up();
  const served = passed();
  const processor = system.processor();
  client = connect();
  const last = names.at(-1);
  const { metadata } = await client.patch(DEPLOYMENTS, NAMESPACE, last, MERGE, { spec: { replicas: each + 1 } });
  await until('the change', async () => {
    const { status } = await client.get(DEPLOYMENTS, NAMESPACE, last);
    return status.observedGeneration >= metadata.generation && status.replicas === each + 1;
  });
  const acted = passed();
  await until('empty queues', () => areQueuesEmpty(client));
  const settled = passed();
  client.close();
  return {
    'API serves, s': -served,
    'change acted on, s': -acted,
    'queues empty, s': -settled,
    'processor s to serve': -processor,
    'processor s in all': -system.processor(),
    'memory MB': -system.memory(),
  };
}

async function areQueuesEmpty(client) {
  const { body } = await client.transport.request({ method: 'GET', path: '/metrics' });
  const depths = [...body.toString().matchAll(/^workqueue_depth\{[^}]*\} (\S+)/gm)];
  return depths.length > 0 && depths.every(([, depth]) => Number(depth) === 0);
}

function deployment(name, replicas) {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'app:1' }] } },
    },
  };
}

async function until(what, holds) {
  for (const end = Date.now() + PATIENCE; !(await holds()); await sleep(LOOK)) {
    if (Date.now() > end) throw new Error(`restart: ${what}: not after ${PATIENCE / 1000} s`);
  }
}
