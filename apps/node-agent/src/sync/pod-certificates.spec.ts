import assert from 'node:assert/strict';
import { SharedInformers, silentLogger } from '#client';
import { gvr, type Node, type PodCertificateRequest } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { FakeClock } from '#testing';
import { MemoryClient } from '../testing/memory-client.js';
import { aPod } from '../testing/pod-builders.js';
import { registerCertificateMetrics } from './certificate-metrics.js';
import { PodCertificates } from './pod-certificates.js';

const HOUR = 3_600_000;
const source = { signerName: 'example.com/signer', keyType: 'ED25519', keyPath: 'key' };
const hints = { 'example.com/hint': 'x' };
const volumes = [
  { name: 'plain', emptyDir: {} },
  {
    name: 'tls',
    projected: {
      sources: [
        { configMap: { name: 'settings' } },
        { podCertificate: { ...source, maxExpirationSeconds: 3600, userAnnotations: hints } },
      ],
    },
  },
];
const pod = aPod({ volumes, serviceAccountName: 'web' });
const { uid } = pod.metadata;
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', uid: 'n' } } as Node;

describe('Certificates of pods', () => {
  let clock: FakeClock;
  let client: MemoryClient;
  let stop: AbortController;
  let events: string[];
  let changed: string[];
  let known: Node | undefined;
  let certificates: PodCertificates;

  beforeEach(async () => {
    clock = new FakeClock();
    client = new MemoryClient();
    stop = new AbortController();
    events = [];
    changed = [];
    known = node;
    const informers = new SharedInformers(client, { logger: silentLogger });
    informers.start(stop.signal);
    await client.create(gvr.serviceaccounts, 'default', {
      ...{ apiVersion: 'v1', kind: 'ServiceAccount' },
      metadata: { name: 'web', uid: 's' },
    });
    certificates = new PodCertificates({
      ...{ client, informers, clock, logger: silentLogger },
      events: { event: (_pod, type, reason) => void events.push(`${type} ${reason}`) },
      random: () => 0.5,
      nodeName: 'node-1',
      node: () => known,
      signal: stop.signal,
      onChange: (id) => void changed.push(id),
    });
  });
  afterEach(() => stop.abort());

  const requests = async () => (await client.list<PodCertificateRequest>(gvr.podcertificaterequests)).items;

  /** Keys are made in other threads, which the clock does not know. */
  async function until<T>(check: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
    for (const end = performance.now() + 30_000; performance.now() < end; ) {
      const found = await check();
      if (found) return found;
      await clock.advance(10);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    throw new Error('never');
  }
  const asked = (count = 1) => until(async () => (await requests()).length === count && (await requests()).at(-1));
  const answer = (request: PodCertificateRequest, status: object) =>
    client.update(gvr.podcertificaterequests, 'default', { ...request, status });
  const issue = (request: PodCertificateRequest, text: string) =>
    answer(request, {
      conditions: [{ type: 'Issued', status: 'True', reason: 'R', message: '' }],
      certificateChain: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
      beginRefreshAt: new Date(clock.now() + HOUR).toISOString(),
      notAfter: new Date(clock.now() + 2 * HOUR).toISOString(),
    });
  const credentials = () => certificates.credentials(pod, 'tls', 1);
  const chain = () => {
    try {
      return credentials().chain.split('\n')[1];
    } catch {
      return undefined;
    }
  };

  test('are requested with all that says whose they are, and come when they are issued', async () => {
    certificates.track(pod);
    assert.throws(credentials, { message: 'credential bundle is not issued yet' });
    const request = (await asked())!;
    const { stubPKCS10Request, ...spec } = request.spec;
    assert.ok(stubPKCS10Request);
    assert.deepEqual(spec, {
      ...{ signerName: 'example.com/signer', maxExpirationSeconds: 3600, unverifiedUserAnnotations: hints },
      ...{ podName: 'web', podUID: uid, serviceAccountName: 'web', serviceAccountUID: 's' },
      ...{ nodeName: 'node-1', nodeUID: 'n' },
    });
    assert.deepEqual(request.metadata.ownerReferences, [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid }]);
    assert.match(request.metadata.name!, /^req-/);
    await issue(request, 'AAAA');
    await until(() => chain() === 'AAAA');
    assert.match(credentials().key, /^-----BEGIN PRIVATE KEY-----/);
    assert.deepEqual(changed, [uid]);
    certificates.track(pod);
    await clock.advance(10 * 60_000);
    assert.equal((await requests()).length, 1);
  });

  test('are refreshed with another key when that is due, and stay until the next is issued', async () => {
    certificates.track(pod);
    await issue((await asked())!, 'AAAA');
    await until(() => chain() === 'AAAA');
    const { key } = credentials();
    await clock.advance(HOUR + 5 * 60_000);
    const second = (await asked(2))!;
    assert.deepEqual([chain(), credentials().key], ['AAAA', key]);
    await issue(second, 'BBBB');
    await until(() => chain() === 'BBBB');
    assert.notEqual(credentials().key, key);
    assert.deepEqual(changed, [uid, uid]);
  });

  test('that are denied or fail are an event, and are not asked for again', async () => {
    for (const type of ['Denied', 'Failed']) {
      const other = { ...pod, metadata: { ...pod.metadata, uid: `uid-${type}` } };
      certificates.track(other);
      const conditions = [{ type, status: 'True', reason: 'R', message: 'm' }];
      await answer((await asked())!, { conditions });
      const message = `PodCertificateRequest was permanently ${type.toLowerCase()}: reason="R" message="m"`;
      await until(() => events.includes(`Warning ${type}`));
      assert.throws(() => certificates.credentials(other, 'tls', 1), { message });
      await clock.advance(HOUR);
      assert.equal((await requests()).length, 1);
      certificates.forget(other.metadata.uid);
      for (const { metadata } of await requests()) {
        await client.delete(gvr.podcertificaterequests, 'default', metadata.name!);
      }
    }
    assert.deepEqual(changed, ['uid-Denied', 'uid-Failed']);
  });

  test('are tried again while the server or the node is not known', async () => {
    known = undefined;
    client.away = true;
    certificates.track(pod);
    await clock.advance(1000);
    client.away = false;
    await clock.advance(1000);
    assert.deepEqual(await requests(), []);
    known = node;
    await asked();
  });

  test('are forgotten with their pod, and those of ended pods are not asked for', async () => {
    certificates.track(pod);
    await asked();
    certificates.forget(uid);
    await clock.advance(24 * HOUR);
    assert.equal((await requests()).length, 1);
    assert.throws(credentials, { message: 'credential bundle is not issued yet' });
    certificates.track(aPod({ volumes }, { phase: 'Succeeded' }));
    certificates.track(aPod({ volumes: [{ name: 'plain', emptyDir: {} }] }));
    await clock.advance(HOUR);
    assert.equal((await requests()).length, 1);
  });

  test('are counted by signer and state', async () => {
    const metrics = new MetricsRegistry();
    registerCertificateMetrics(metrics, certificates);
    const shown = async () => (await metrics.render()).match(/^kubelet_podcertificate_states.*$/gm);
    certificates.track(pod);
    const line = (state: string) =>
      `kubelet_podcertificate_states{signer_name="example.com/signer",state="${state}"} 1`;
    assert.deepEqual(await shown(), [line('not_yet_issued')]);
    await issue((await asked())!, 'AAAA');
    await until(() => chain() === 'AAAA');
    assert.deepEqual(await shown(), [line('fresh')]);
    certificates.forget(uid);
    assert.equal(await shown(), null);
  });
});
