// `npm run attack [-- WORD...]`: attacks a control plane and a node of its own, each in a network namespace of its own.
// Ends with a table by area and `N passed, N failed`; exit status 1 when anything failed. Words select rows by area or finding.
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cluster, clusterMissing } from '../e2e/cluster.js';
import { type Failure, matching, type Outcome } from './attack.js';
import { nodeRows } from './node.rows.js';
import { controlPlaneRows } from './rows.js';
import { line, summary } from './summary.js';

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const outcomes: Outcome[] = [];
const children = new Set<ChildProcess>();
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    // The parts end what they started, and then this one does.
    stopping = true;
    for (const child of children) child.kill('SIGTERM');
  });
}

function note(outcome: Outcome): void {
  outcomes.push(outcome);
  console.log(line(outcome));
}

/** Runs one part in a process of its own, which sends its outcomes. A part that dies is a failure of that name. */
async function run(area: string, command: string[], env = process.env): Promise<void> {
  if (stopping) return;
  const [program, ...args] = command;
  const child = spawn(program!, args, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], env });
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors = `${errors}${chunk}`.slice(-4000);
  });
  child.on('message', (outcome: Outcome) => note(outcome));
  children.add(child);
  const code = await new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => resolve(signal ?? status ?? 1));
  });
  children.delete(child);
  if (code !== 0) note(broken(area, 'the whole part runs to its end', `ended with ${code}\n${errors}`));
}

function broken(area: string, finding: string, got: string): Outcome {
  const failure: Failure = { identity: '-', request: 'the suite itself', expected: 'to run', got };
  return { area, finding, requests: 0, seconds: 0, failures: [failure] };
}

const part = (name: string, ...args: string[]) => [process.execPath, '--enable-source-maps', join(here, name), ...args];

async function attackControlPlane(): Promise<void> {
  if (matching(controlPlaneRows, words).length === 0) return;
  const program = 'control-plane-part.js';
  if (process.getuid?.() !== 0) return run('control plane', part(program, '127.0.0.1', ...words));
  // With an address that is not loopback the server can be made to call somebody; without root there is none to give it.
  const address = '10.250.0.1';
  const steps = [
    'ip link set lo up',
    'ip link add eth0 type veth peer name eth0-peer',
    `ip addr add ${address}/24 dev eth0`,
    'ip link set eth0 up',
    'ip link set eth0-peer up',
    'exec "$@"',
  ];
  const inNetwork = ['unshare', '--net', '--', 'sh', '-c', steps.join(' && '), 'sh'];
  return run('control plane', [...inNetwork, ...part(program, address, ...words)]);
}

async function attackNode(): Promise<void> {
  const rows = matching(nodeRows, words);
  if (rows.length === 0) return;
  const missing = clusterMissing();
  if (missing !== undefined) {
    for (const { area, finding } of rows) {
      note({ area, finding, requests: 0, seconds: 0, failures: [], skipped: missing });
    }
    return;
  }
  const cluster = new Cluster('attack');
  try {
    await cluster.up(`--dns-upstream=${cluster.nodeIp}:5300`);
    await cluster.importImage('berth.local/attack:1', 'a page');
    const program = part('node-part.js', cluster.dataDir, cluster.nodeIp, cluster.network, ...words);
    await run('node', cluster.inside(program), cluster.environment);
  } catch (error) {
    note(broken('node', 'a cluster starts', (error as Error).stack ?? String(error)));
  } finally {
    await cluster.close();
  }
}

// The two share nothing, and the second mostly waits.
await Promise.all([attackControlPlane(), attackNode()]);
if (outcomes.length === 0) console.error(`no attack has any of these words: ${words.join(' ')}`);
console.log(`\n${summary(outcomes)}`);
process.exit(outcomes.length > 0 && outcomes.every(({ failures }) => failures.length === 0) ? 0 : 1);
