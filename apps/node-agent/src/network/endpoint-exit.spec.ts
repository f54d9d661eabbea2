import assert from 'node:assert/strict';
import { type Logger, SharedInformers, silentLogger } from '#client';
import { type Endpoint, type EndpointSlice, gvr } from '#kinds';
import { FakeClock } from '#testing';
import { MemoryClient } from '../testing/memory-client.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { EndpointExit } from './endpoint-exit.js';

const pod = aPod({ containers: [aContainer('main')] });
const { uid, namespace } = pod.metadata;
const READY = { ready: true, serving: true, terminating: false };
const TERMINATING = { ready: false, serving: true, terminating: true };

let ending: AbortController;
let clock: FakeClock;
let client: MemoryClient;
let exit: EndpointExit;
let lines: string[];
/** Ends the sync of the rules. */
let written: (() => void) | undefined;

const waitsForRules = () => written !== undefined;
const slice = (name: string, conditions: Endpoint['conditions'], of = uid): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace, labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.244.0.9'], conditions, targetRef: { kind: 'Pod', uid: of } }],
});
const create = (made: EndpointSlice) => client.create(gvr.endpointslices, namespace!, made);
const set = async (name: string, conditions: Endpoint['conditions']): Promise<void> => {
  const { metadata } = await client.get<EndpointSlice>(gvr.endpointslices, namespace!, name);
  await client.update(gvr.endpointslices, namespace!, { ...slice(name, conditions), metadata });
};

beforeEach(() => {
  ending = new AbortController();
  clock = new FakeClock();
  client = new MemoryClient();
  exit = new EndpointExit();
  written = undefined;
  lines = [];
});
afterEach(() => ending.abort());

/** Begins to leave; tells whether it is done. */
async function leaving(milliseconds = 1000): Promise<() => boolean> {
  const informers = new SharedInformers(client, { clock, logger: silentLogger });
  const rulesWritten = () =>
    new Promise<void>((resolve) => {
      written = resolve;
    });
  const line = (message: string) => void lines.push(message);
  const logger: Logger = { info: line, warn: line, error: line };
  exit.start({ informers, rulesWritten, clock, logger, signal: ending.signal });
  informers.start(ending.signal);
  await clock.advance(0);
  let done = false;
  void exit.leave(pod, milliseconds).then(() => {
    done = true;
  });
  await clock.advance(0);
  return () => done;
}

test('a pod leaves when its slices, the rules and then others know', async () => {
  await create(slice('web-1', READY));
  await create(slice('web-2', READY));
  const done = await leaving();
  await set('web-1', TERMINATING);
  await clock.advance(10);
  assert.ok(!waitsForRules(), 'the other slice still offers it');
  await client.delete(gvr.endpointslices, namespace!, 'web-2');
  await clock.advance(10);
  assert.ok(!done());
  written?.();
  await clock.advance(249);
  assert.ok(!done());
  await clock.advance(1);
  assert.ok(done());
  assert.deepEqual(lines, []);
});

const unoffered: [title: string, slices: EndpointSlice[]][] = [
  ['no endpoint', []],
  ['an endpoint that is not ready', [slice('web', { ready: false, serving: false })]],
  ['beside endpoints', [slice('web', READY, 'another')]],
];
for (const [title, slices] of unoffered) {
  test(`a pod that is ${title} is not held up`, async () => {
    for (const made of slices) await create(made);
    assert.ok((await leaving())());
  });
}

test('a pod that the slices know to stop waits for the rules', async () => {
  await create(slice('web', TERMINATING));
  const done = await leaving();
  assert.ok(!done());
  written?.();
  await clock.advance(250);
  assert.ok(done());
});

test('nothing holds a pod up for longer than its time', async () => {
  await create(slice('web', READY));
  const done = await leaving(500);
  await clock.advance(499);
  assert.ok(!done());
  await clock.advance(1);
  assert.ok(done());
  assert.equal(clock.waiting, 0);
  assert.deepEqual(lines, ['a pod stops although new connections may still be led to it']);
});

test('an agent that ends leaves the stop signal to the next one', async () => {
  await create(slice('web', READY));
  const done = await leaving();
  ending.abort();
  await clock.advance(2000);
  assert.ok(!done());
  assert.equal(clock.waiting, 0);
  assert.deepEqual(lines, []);
});

test('all containers of a pod wait for the same', async () => {
  await create(slice('web', TERMINATING));
  await leaving();
  const first = exit.leave(pod, 1000);
  assert.equal(exit.leave(pod, 1000), first);
  exit.release(uid);
  assert.notEqual(exit.leave(pod, 1000), first);
});

test('without a service proxy nothing is waited for', async () => {
  await exit.leave(pod, 60_000);
});
