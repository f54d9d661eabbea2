// `npm run bench -- fairness [--connections N] [--seconds N]`: what a flood of one user costs another, with and without priority and
// fairness. One user reads an object every 5 ms; the other reads one on each of its connections, again and again. Needs the emitted code
// and PostgreSQL's programs. Server, flood and user are processes of their own.
import { fork } from 'node:child_process';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(import.meta.url);
const PAUSE_MS = 5;

/** @returns {Promise<any>} the first message of the process */
function started(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a process of the measurement ended with ${code}`)));
  });
}

async function serve(fair) {
  const { testServer } = await import('../dist/libs/testing/src/index.js');
  const { gvr } = await import('../dist/libs/kinds/src/index.js');
  const maxInflight = fair ? { reads: 400, writes: 200 } : { reads: 4000, writes: 2000 };
  const server = await testServer({ priorityAndFairness: fair, maxInflight });
  const client = server.client();
  const apiGroup = 'rbac.authorization.k8s.io';
  await client.create(gvr.clusterrolebindings, '', {
    apiVersion: `${apiGroup}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'readers' },
    subjects: [{ kind: 'Group', name: 'system:serviceaccounts', apiGroup }],
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'view' },
  });
  const tokens = {};
  for (const name of ['flood', 'user']) {
    await client.create(gvr.serviceaccounts, 'default', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name },
    });
    const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: {} };
    const made = await client.create(gvr.serviceaccounts, 'default', asked, { name, subresource: 'token' });
    tokens[name] = made.status.token;
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: 'x'.repeat(500) } };
    await client.create(gvr.configmaps, 'default', map);
  }
  process.send({ url: server.url, ca: server.tls.ca, tokens });
  process.once('message', async () => {
    await server.close();
    process.exit(0);
  });
}

/** Reads the object of a user; resolves with the code of the answer. */
function reader({ url, ca, tokens }, name) {
  const agent = new Agent({ keepAlive: true, ca, maxSockets: Number.POSITIVE_INFINITY });
  const { hostname, port } = new URL(url);
  const path = `/api/v1/namespaces/default/configmaps/${name}`;
  const headers = { authorization: `Bearer ${tokens[name]}` };
  return () =>
    new Promise((resolve, reject) => {
      const outgoing = request({ agent, hostname, port, path, headers }, (incoming) => {
        incoming.resume();
        incoming.on('end', () => resolve(incoming.statusCode));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
}

function flood(target, connections) {
  const read = reader(target, 'flood');
  let answers = 0;
  const work = async () => {
    for (;;) {
      if ((await read()) === 429) await sleep(1000);
      answers += 1;
    }
  };
  for (let i = 0; i < connections; i += 1) void work();
  process.send('begun');
  process.once('message', () => process.send(answers, () => process.exit(0)));
}

async function measure(target, seconds) {
  const read = reader(target, 'user');
  const times = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const begun = performance.now();
    const code = await read();
    if (code !== 200) throw new Error(`the user was answered ${code}`);
    times.push(performance.now() - begun);
    await sleep(PAUSE_MS);
  }
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.floor(times.length * part)].toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}

export async function benchFairness(connections, seconds) {
  for (const fair of [true, false]) {
    console.log(fair ? 'with priority and fairness' : 'without');
    const server = fork(PROGRAM, ['serve', String(fair)]);
    const target = await started(server);
    await measure(target, 2);
    console.log(`  alone:          ${await measure(target, seconds)}`);
    // It is not to take the processor from the user, who is measured.
    const child = fork(PROGRAM, ['flood', JSON.stringify(target), String(connections)], {
      execPath: 'nice',
      execArgv: ['-n', '10', process.execPath],
    });
    await started(child);
    await sleep(2000);
    console.log(`  with the flood: ${await measure(target, seconds)}`);
    const answers = started(child);
    child.send('end');
    console.log(`  answers to the flood: ${await answers}`);
    server.send('end');
    await new Promise((resolve) => server.once('exit', resolve));
  }
}

const [role, ...args] = process.argv.slice(2);
if (process.argv[1] === PROGRAM && role === 'serve') await serve(args[0] === 'true');
if (process.argv[1] === PROGRAM && role === 'flood') flood(JSON.parse(args[0]), Number(args[1]));
