import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { type Logger, SharedInformers } from '#client';
import { gvr, type Service } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { FakeClock } from '#testing';
import { MemoryClient } from '../testing/memory-client.js';
import { HealthChecks } from './health-checks.js';
import type { RefusedService, RuleProxy, SyncResult } from './netfilter.js';
import { ServiceProxy } from './service-proxy.js';
import { ServiceProxyMetrics } from './service-proxy-metrics.js';

/** Records what is set and synced. */
class Rules implements RuleProxy {
  broken = false;
  readonly served = new Map<string, string>();
  private readonly inbox = new Map<string, string>();
  /** Names of Services of which no rules can be made, or which the kernel refuses. */
  impossible = '';
  refused = '';
  failure: Error | undefined;
  verifications = 0;
  /** A sync ends with it. */
  held: Promise<void> | undefined;

  setService(name: string, views: string): void {
    if (name === this.impossible) throw new Error('clusterIp: invalid');
    this.inbox.set(name, views);
  }

  async sync(): Promise<SyncResult> {
    if (this.failure) throw this.failure;
    await this.held;
    const refused: RefusedService[] = [];
    for (const [service, views] of this.inbox) {
      if (service === this.refused) refused.push({ service, family: 'IPv4', message: 'no' });
      else if (views === '[]') this.served.delete(service);
      else this.served.set(service, views);
    }
    this.inbox.clear();
    return { full: false, written: 0, removed: 0, flowsEnded: 0, refused };
  }

  async verify(): Promise<SyncResult | null> {
    this.verifications++;
    return null;
  }

  async cleanup(): Promise<void> {}

  readonly mode = 'nftables';
  passedOver = () => [];
  cleanUpOthers = async () => [];
}

let ending: AbortController;
let clock: FakeClock;
let client: MemoryClient;
let opened: Rules[];
let lines: string[];
let told: string[];
let running: Promise<void>;
let proxy: ServiceProxy;

const service = (name: string, clusterIP = '10.96.0.9'): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name },
  spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80 }] },
});
const create = (name: string) => client.create(gvr.services, 'shop', service(name));
const served = () => [...opened.at(-1)!.served.keys()].sort();

beforeEach(() => {
  ending = new AbortController();
  clock = new FakeClock();
  client = new MemoryClient();
  opened = [];
  lines = [];
  told = [];
});
afterEach(async () => {
  ending.abort();
  await clock.advance(0);
  await running;
});

async function start(): Promise<Rules> {
  const line = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger: Logger = { info: line, warn: line, error: line };
  const informers = new SharedInformers(client, { clock, logger });
  const open = (): Rules => {
    const rules = new Rules();
    opened.push(rules);
    return rules;
  };
  const rules = open();
  const families = ['IPv4'] as const;
  const metrics = new ServiceProxyMetrics(new MetricsRegistry(logger), 'nftables', families);
  const events = { event: (_: KubeObject, type: string, reason: string) => void told.push(`${type} ${reason}`) };
  const healthChecks = new HealthChecks({ nodeName: 'here', events, logger });
  proxy = new ServiceProxy({
    ...{ informers, rules, open, families, nodeName: 'here', healthChecks, events, clock, logger, metrics },
  });
  informers.start(ending.signal);
  running = proxy.run(ending.signal);
  await clock.advance(100);
  return rules;
}

test('Services are served, changed and taken away', async () => {
  await create('a');
  await start();
  assert.deepEqual(served(), ['shop/a']);
  await create('b');
  await clock.advance(100);
  assert.deepEqual(served(), ['shop/a', 'shop/b']);
  await client.delete(gvr.services, 'shop', 'a');
  await clock.advance(100);
  assert.deepEqual(served(), ['shop/b']);
});

test('a Service that cannot be served is named, and keeps no other', async () => {
  const rules = await start();
  for (const fault of ['impossible', 'refused'] as const) {
    rules[fault] = `shop/${fault}`;
    await create(fault);
    await create(`beside-${fault}`);
    await clock.advance(100);
    assert.ok(served().includes(`shop/beside-${fault}`));
    assert.match(lines.at(-1)!, new RegExp(`others are served .*"service":"shop/${fault}"`));
  }
  assert.deepEqual(told, ['Warning FailedToWriteServiceRules']);
});

test('after a panic another one gets every Service', async () => {
  await create('a');
  const rules = await start();
  rules.broken = true;
  rules.failure = new Error('panicked: at the disco');
  await create('b');
  await clock.advance(2000);
  assert.equal(opened.length, 2);
  assert.deepEqual(served(), ['shop/a', 'shop/b']);
});

test('a failed sync is tried again', async () => {
  const rules = await start();
  rules.failure = new Error('iptables-restore could not be started');
  await create('a');
  await clock.advance(500);
  assert.match(lines.at(-1)!, /service rules could not be written/);
  assert.deepEqual(served(), []);
  rules.failure = undefined;
  await clock.advance(1000);
  assert.deepEqual(served(), ['shop/a']);
});

test('rules are verified every half minute', async () => {
  const rules = await start();
  await clock.advance(61_000);
  assert.equal(rules.verifications, 2);
});

test('it tells when the rules follow all that is known', async () => {
  const told: string[] = [];
  const ask = (name: string) => void proxy.written().then(() => told.push(name));
  const rules = await start();
  ask('nothing new');
  await clock.advance(0);
  assert.deepEqual(told, ['nothing new']);

  let release = () => {};
  rules.held = new Promise((resolve) => {
    release = resolve;
  });
  await create('a');
  await clock.advance(5);
  ask('gathered');
  await clock.advance(100);
  ask('under way');
  await create('b');
  await clock.advance(5);
  ask('gathered behind it');
  assert.deepEqual(told, ['nothing new']);
  rules.failure = new Error('no more');
  release();
  await clock.advance(500);
  assert.deepEqual(told, ['nothing new', 'gathered'], 'what came behind waits for the sync that takes it');
  rules.failure = undefined;
  await clock.advance(1000);
  assert.deepEqual(told, ['nothing new', 'gathered', 'under way', 'gathered behind it']);
});
