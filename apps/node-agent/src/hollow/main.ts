import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiEventRecorder, HttpClient, loadConfig, realClock } from '#client';
import { FileTree } from '#files';
import { SettingError } from '#settings';
import { createLogger } from '#telemetry';
import type { NodeAgent } from '../agent.js';
import { nodeName, startHollowNode } from './hollow-node.js';
import { type HollowOptions, hollowUsage, parseHollowOptions } from './hollow-options.js';

/** Nodes that register at a time: a whole cluster at once would only wait for itself. */
const STARTING = 16;

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
  const directory = mkdtempSync(join(tmpdir(), 'berth-hollow-'));
  const agents: NodeAgent[] = [];
  let stopping = false;
  const stop = async (): Promise<void> => {
    // The folder goes first, also when somebody is impatient.
    if (stopping) return;
    stopping = true;
    for (const agent of agents) agent.close();
    await removeFolder(directory);
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  const start = async (index: number): Promise<void> => {
    const name = nodeName(options, index);
    // The API server sees the node itself, with what a node may do and no more.
    const impersonate = { user: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
    const client = new HttpClient({ ...config, impersonate }, { userAgent: 'berth-agent' });
    const events = new ApiEventRecorder({ client, clock: realClock, logger, component: 'kubelet', host: name });
    agents.push(await startHollowNode(options, index, { client, events, logger: quiet, directory }));
  };
  await startAll(options, start);
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
