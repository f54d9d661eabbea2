import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiEventRecorder, Connections, HttpClient, loadConfig, realClock } from '#client';
import { FileTree } from '#files';
import { SettingError } from '#settings';
import { createLogger } from '#telemetry';
import type { NodeAgent } from '../agent.js';
import { nodeName, startHollowNode } from './hollow-node.js';
import { type HollowOptions, hollowUsage, parseHollowOptions } from './hollow-options.js';

/** Nodes that register at a time: a whole cluster at once would only wait for itself. */
const STARTING = 16;

/** Milliseconds. */
const HOLD = 3_600_000;

const logger = createLogger({ component: 'hollow-node' });
/** Of the nodes: a thousand would fill the log with what is no news of any. */
const quiet = createLogger({ component: 'hollow-node', level: 'warn' });

async function main(): Promise<void> {
  const options = parseHollowOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(hollowUsage());
    return;
  }
  const config = loadConfig({ path: options.kubeconfig });
  // Connections of each node's own would be more than the server can accept at once, and no node needs one all the time.
  const connections = new Connections(config);
  // Pods of all nodes may have thousands of requests waiting: a Lease behind them would be renewed too late, and its node be lost.
  const ownConnections = new Connections(config);
  const directory = mkdtempSync(join(tmpdir(), 'berth-hollow-'));
  const agents: NodeAgent[] = [];
  let ending = false;
  const end = async (code: number): Promise<void> => {
    // The folder goes first, also when somebody is impatient.
    if (ending) return;
    ending = true;
    for (const agent of agents) agent.close();
    await removeFolder(directory);
    process.exit(code);
  };
  // While no server answers, nothing else holds the process: its agents wait with timers that do not.
  setInterval(() => {}, HOLD);
  process.on('SIGTERM', () => void end(0));
  process.on('SIGINT', () => void end(0));
  const start = async (index: number): Promise<void> => {
    const name = nodeName(options, index);
    // The API server sees the node itself, with what a node may do and no more.
    const impersonate = { user: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
    const connect = (on: Connections) =>
      new HttpClient({ ...config, impersonate }, { userAgent: 'berth-agent', connections: on });
    const [client, heartbeats] = [connect(connections), connect(ownConnections)];
    const events = new ApiEventRecorder({ client, clock: realClock, logger, component: 'kubelet', host: name });
    agents.push(await startHollowNode(options, index, { client, heartbeats, events, logger: quiet, directory }));
  };
  try {
    await startAll(options, start);
  } catch (error) {
    logger.error('the hollow nodes end', { error });
    await end(1);
  }
  logger.info('the hollow nodes run', { nodes: options.count });
}

async function startAll({ first, count }: HollowOptions, start: (index: number) => Promise<void>): Promise<void> {
  const left = Array.from({ length: count }, (_, at) => first + at).values();
  const work = async () => {
    for (const index of left) await start(index);
  };
  await Promise.all(Array.from({ length: Math.min(STARTING, count) }, work));
}

/** Pods may have mounted what they have in memory. */
async function removeFolder(directory: string): Promise<void> {
  const files = new FileTree(tmpdir());
  try {
    await files.unmountBelow(directory);
    await files.remove(directory);
  } catch (error) {
    logger.warn('the folder of the hollow nodes stays', { directory, error });
  }
}

main().catch((error: unknown) => {
  const expected = error instanceof SettingError || (error as Error)?.name === 'KubeconfigError';
  if (expected) {
    console.error(`berth hollow-node: ${(error as Error).message}; see: berth hollow-node --help`);
    process.exit(2);
  }
  logger.error('the hollow nodes end', { error });
  process.exit(1);
});
