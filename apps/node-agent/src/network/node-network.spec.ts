import assert from 'node:assert/strict';
import { type Logger, SharedInformers } from '#client';
import { gvr, type Node } from '#kinds';
import { FakeClock } from '#testing';
import { MemoryClient } from '../testing/memory-client.js';
import { type NetworkReport, NodeNetwork } from './node-network.js';

let ending: AbortController;
let clock: FakeClock;
let client: MemoryClient;
let applied: string[][];
let lines: string[];
let report: NetworkReport;
let running: Promise<void>;

const node = (podCIDR?: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'here' },
  spec: podCIDR ? { podCIDR } : {},
});

beforeEach(() => {
  ending = new AbortController();
  clock = new FakeClock();
  client = new MemoryClient();
  applied = [];
  lines = [];
  report = { changed: [], problems: [] };
});
afterEach(async () => {
  ending.abort();
  await clock.advance(0);
  await running;
});

async function start(): Promise<void> {
  const line = (message: string) => void lines.push(message);
  const logger: Logger = { info: line, warn: line, error: line };
  const informers = new SharedInformers(client, { clock, logger });
  const network = {
    apply: async (podCidrs: string[]) => {
      applied.push(podCidrs);
      return report;
    },
    cleanup: async () => {},
  };
  const keeper = new NodeNetwork({ informers, nodeName: 'here', network, clock, logger });
  informers.start(ending.signal);
  running = keeper.run(ending.signal);
  await clock.advance(10);
}

test('the network is set up before the node has a range for pods, and again once it has one', async () => {
  await client.create(gvr.nodes, '', node());
  await start();
  assert.deepEqual(applied, [[]]);
  report = { changed: ['CNI configuration'], problems: [] };
  await client.update(gvr.nodes, '', node('10.244.3.0/24'));
  await clock.advance(10);
  assert.deepEqual(applied, [[], ['10.244.3.0/24']]);
  assert.deepEqual(lines, ['pod network configured']);
});

test('what somebody changed is repaired within half a minute, and said', async () => {
  await client.create(gvr.nodes, '', node('10.244.3.0/24'));
  await start();
  report = { changed: ['IPv4 rules'], problems: [] };
  await clock.advance(30_000);
  assert.deepEqual(applied.at(-1), ['10.244.3.0/24']);
  assert.deepEqual(lines, ["the node's network was changed and has been repaired"]);
});

test('a problem that stays is said once', async () => {
  report = { changed: [], problems: [{ subject: 'net.ipv4.ip_forward', message: 'cannot be set to 1' }] };
  await start();
  await clock.advance(90_000);
  assert.ok(applied.length >= 3);
  assert.deepEqual(lines, ['net.ipv4.ip_forward cannot be set to 1']);
});
