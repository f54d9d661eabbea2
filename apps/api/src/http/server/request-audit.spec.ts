import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEvent } from '../../audit/audit-event.js';
import { AuditMetrics } from '../../audit/audit-metrics.js';
import { policyOf } from '../../audit/audit-policy-file.js';
import { Auditor } from '../../audit/auditor.js';
import { type TestFront, testFront } from '../testing/http-front.js';

const PODS = '/api/v1/namespaces/a/pods';

async function auditedFront(stores: () => boolean = () => true): Promise<{ front: TestFront; events: AuditEvent[] }> {
  const events: AuditEvent[] = [];
  const policy = policyOf(
    { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'RequestResponse' }] },
    () => {},
  );
  const backend = {
    process: async (given: readonly AuditEvent[]) => {
      events.push(...given);
      return stores();
    },
    close: async () => {},
  };
  const front = await testFront({
    auditor: (registry) => new Auditor(policy, backend, new AuditMetrics(registry, { error: () => {} })),
  });
  return { front, events };
}

/** Sends a request, and gives the beginning of its answer. */
async function head(front: TestFront, path: string, headers = ''): Promise<string> {
  const socket = await front.connect();
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\n${headers}\r\n`);
  const [part] = await once(socket, 'data');
  socket.destroy();
  return String(part);
}

async function stages(events: AuditEvent[], count: number): Promise<[string, number | undefined][]> {
  for (let i = 0; i < 200 && events.length < count; i += 1) await sleep(5);
  return events.map(({ stage, responseStatus }) => [stage, responseStatus?.code]);
}

describe('the events of requests that do not end as others do', () => {
  test('a defect is a panic', async () => {
    const { front, events } = await auditedFront();
    assert.match(await head(front, `${PODS}/broken`), /^HTTP\/1.1 500 /);
    assert.deepEqual(await stages(events, 2), [
      ['RequestReceived', undefined],
      ['Panic', 500],
    ]);
    assert.equal(events[1]!.responseStatus!.message, "APIServer panic'd: a defect");
    await front.close();
  });

  test('an ordinary failure is no panic', async () => {
    const { front, events } = await auditedFront();
    assert.match(await head(front, `${PODS}/failing`), /^HTTP\/1.1 500 /);
    assert.deepEqual(await stages(events, 2), [
      ['RequestReceived', undefined],
      ['ResponseComplete', 500],
    ]);
    await front.close();
  });

  test('a request whose first event cannot be stored is refused, and is not served', async () => {
    const { front, events } = await auditedFront(() => false);
    assert.match(await head(front, `${PODS}/x`), /^HTTP\/1.1 500 .*failed to store audit event/s);
    assert.deepEqual(front.served, []);
    assert.deepEqual(await stages(events, 1), [['RequestReceived', undefined]]);
    assert.match(await front.metricsText(), /^apiserver_audit_requests_rejected_total 1$/m);
    await front.close();
  });

  test('a stream that leaves HTTP has started with 101', async () => {
    const { front, events } = await auditedFront();
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    assert.match(await head(front, `${PODS}/x/exec?command=ls`, upgrade), /^HTTP\/1.1 101 /);
    assert.deepEqual(await stages(events, 3), [
      ['RequestReceived', undefined],
      ['ResponseStarted', 101],
      ['ResponseComplete', 101],
    ]);
    await front.close();
  });

  test('a client that does not wait for its answer has closed early', async () => {
    const { front, events } = await auditedFront();
    const socket = await front.connect();
    socket.write(`GET ${PODS}/held HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\n\r\n`);
    await stages(events, 1);
    socket.destroy();
    await stages(events, 2);
    assert.deepEqual(events[1]!.responseStatus, { code: 200, status: 'Success', message: 'Connection closed early' });
    await front.close();
  });
});
