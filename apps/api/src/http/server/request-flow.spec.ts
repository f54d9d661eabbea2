import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { FlowController } from '../../flow-control/flow-controller.js';
import { FlowMetrics } from '../../flow-control/flow-metrics.js';
import { everything, exemptLevel, level, schema } from '../../flow-control/testing/flow-objects.js';
import { WatchTracker } from '../../flow-control/watch-tracker.js';
import { WorkEstimator } from '../../flow-control/work-estimator.js';
import { type TestFront, testFront } from '../testing/http-front.js';
import { RequestFlow } from './request-flow.js';

const PODS = '/api/v1/namespaces/a/pods';
const SEATS = 2;
const QUEUED = 3;
const WAIT_MS = 200;

const groups = (...names: string[]) => [
  { subjects: names.map((name) => ({ kind: 'Group', group: { name } })), ...everything },
];

/** Everybody shares two seats, in one queue of three. */
function fairFront(waitMs = 60_000): Promise<TestFront> {
  return testFront({
    flow: (registry) => {
      const watches = new WatchTracker();
      const controller = new FlowController({
        seats: SEATS,
        mandatory: {
          levels: [exemptLevel(), level('catch-all', 5, [1, 1, QUEUED])],
          schemas: [
            schema('exempt', 'exempt', groups('system:masters'), { matchingPrecedence: 1 }),
            schema('catch-all', 'catch-all', groups('*'), { matchingPrecedence: 10_000 }),
          ],
        },
        estimator: new WorkEstimator({ find: () => undefined }, watches),
        metrics: new FlowMetrics(registry),
      });
      return new RequestFlow(controller, watches, 4 * waitMs);
    },
  });
}

async function begin(front: TestFront, path: string, user = 'ann humans'): Promise<TLSSocket> {
  const socket = await front.connect();
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${user}\r\n\r\n`);
  return socket;
}

async function answer(socket: TLSSocket): Promise<string> {
  const [part] = await once(socket, 'data');
  return String(part);
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !what(); i += 1) await sleep(5);
  assert.ok(what());
}

describe('requests that compete for seats', () => {
  let front: TestFront;
  let sockets: TLSSocket[];
  beforeEach(async () => {
    front = await fairFront();
    sockets = [];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await front.close();
  });

  const gauge = (name: string) =>
    front
      .samples()
      .filter(({ metricName }) => metricName === `apiserver_flowcontrol_${name}`)
      .reduce((sum, { value }) => sum + value, 0);

  async function hold(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) sockets.push(await begin(front, `${PODS}/held`));
    await until(() => gauge('current_executing_requests') + gauge('current_inqueue_requests') >= count);
  }

  test('wait, and are served when there is a seat', async () => {
    await hold(SEATS);
    const waiting = await begin(front, `${PODS}/x`);
    await until(() => gauge('current_inqueue_requests') === 1);
    assert.equal(front.served.length, SEATS);
    sockets[0]!.destroy();
    const text = await answer(waiting);
    assert.match(text, /^HTTP\/1.1 200 /);
    assert.match(text, /x-kubernetes-pf-flowschema-uid: uid-catch-all\r\n/i);
    assert.match(text, /x-kubernetes-pf-prioritylevel-uid: uid-catch-all\r\n/i);
    waiting.destroy();
    for (const socket of sockets) socket.destroy();
    await until(() => Object.values(front.underWay()).every((value) => value === 0));
    assert.deepEqual([gauge('current_executing_seats'), gauge('current_inqueue_seats')], [0, 0]);
  });

  test('are refused when their queue is full', async () => {
    await hold(SEATS + QUEUED);
    const text = await answer(await begin(front, `${PODS}/x`));
    assert.match(text, /^HTTP\/1.1 429 /);
    assert.match(text, /retry-after: 1\r\n/i);
    assert.match(text, /x-kubernetes-pf-flowschema-uid: uid-catch-all\r\n/i);
    assert.match(await front.metricsText(), /rejected_requests_total\{.*reason="queue-full"\} 1/);
  });

  test('are refused when they have waited for a quarter of their time', async () => {
    await front.close();
    front = await fairFront(WAIT_MS);
    await hold(SEATS);
    const begun = Date.now();
    assert.match(await answer(await begin(front, `${PODS}/x`)), /^HTTP\/1.1 429 /);
    assert.ok(Date.now() - begun >= WAIT_MS - 50);
    assert.match(await front.metricsText(), /rejected_requests_total\{.*reason="time-out"\} 1/);
    assert.match(await front.metricsText(), /request_wait_duration_seconds_count\{.*execute="false"\} 1/);
  });

  test('leave their queue when their client goes', async () => {
    await hold(SEATS);
    const waiting = await begin(front, `${PODS}/x`);
    await until(() => gauge('current_inqueue_requests') === 1);
    waiting.destroy();
    await until(() => gauge('current_inqueue_requests') === 0);
    assert.equal(front.served.length, SEATS);
  });

  test('do not hold up who is exempt', async () => {
    await hold(SEATS + QUEUED);
    assert.match(await answer(await begin(front, `${PODS}/x`, 'root system:masters')), /^HTTP\/1.1 200 /);
  });

  test('give watches a seat only to begin, and streams none', async () => {
    for (let i = 0; i < 2 * SEATS; i += 1) sockets.push(await begin(front, `${PODS}?watch=1`));
    for (let i = 0; i < 2 * SEATS; i += 1) sockets.push(await begin(front, `${PODS}/x/log?follow=1`));
    await until(() => front.underWay().streams === 4 * SEATS);
    assert.equal(gauge('current_executing_requests'), 0);
    assert.match(await answer(await begin(front, `${PODS}/x`)), /^HTTP\/1.1 200 /);
  });
});
