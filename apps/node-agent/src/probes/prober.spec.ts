import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { MetricsRegistry } from '#telemetry';
import type { PodState } from '../plan/pod-state.js';
import { aContainer, aMemory, anObserved, aPod, aSandbox, running } from '../testing/pod-builders.js';
import { registerProbeMetrics } from './probe-metrics.js';
import { Prober } from './prober.js';

const probe = (command: string) => ({ exec: { command: [command] }, periodSeconds: 0.01, failureThreshold: 1 });

describe('A container that is being stopped', () => {
  const probers: Prober[] = [];
  afterAll(() => probers.forEach((prober) => void prober.stop('uid-1')));

  /** Answers of the probes by name; what was asked; and the pod. */
  function aProbed(metadata: object = {}) {
    const healthy = { live: true, ready: true };
    const asked = new Set<string>();
    const container = aContainer('main', { livenessProbe: probe('live'), readinessProbe: probe('ready') });
    let state: PodState = {
      pod: aPod({ containers: [container] }, {}, metadata),
      removed: false,
      observed: anObserved({ sandboxes: [aSandbox()], containers: [running('main')] }),
      memory: aMemory(),
    };
    const prober = new Prober({
      runtime: {
        execSync: async (_id, [name]) => {
          asked.add(name!);
          return { exitCode: healthy[name as keyof typeof healthy] ? 0 : 1, stdout: '', stderr: '' } as never;
        },
      },
      events: { event: () => {} },
      node: { hostIPs: [] },
      now: Date.now,
      onChange: () => {},
    });
    probers.push(prober);
    prober.sync(state);
    /** The agent ends the pod. */
    const fail = () => {
      state = { ...state, memory: aMemory((draft) => (draft.failed = { reason: 'Evicted', message: '' })) };
      prober.sync(state);
    };
    const until = async (liveness: string, readiness: string) => {
      const expected = { startup: 'success', liveness, readiness };
      const results = () => prober.sync(state).get('main-1');
      for (let i = 0; i < 200 && JSON.stringify(results()) !== JSON.stringify(expected); i++) await sleep(10);
      assert.deepEqual(results(), expected);
    };
    return { healthy, asked, fail, until, prober };
  }

  test('since it is not alive still says whether it is ready', async () => {
    const { healthy, until } = aProbed();
    await until('success', 'success');
    healthy.live = false;
    await until('failure', 'success');
    Object.assign(healthy, { live: true, ready: false });
    await until('failure', 'failure');
  });

  test('is counted by probe and result as long as it is probed', async () => {
    const { healthy, until, prober } = aProbed();
    const metrics = new MetricsRegistry();
    registerProbeMetrics(metrics, () => prober.counts());
    const counted = async (type: string, result: string) => {
      const begin = `prober_probe_total{probe_type="${type}",result="${result}",container="main",`;
      return (await metrics.render()).split('\n').some((line) => line.startsWith(begin) && !line.endsWith(' 0'));
    };
    await until('success', 'success');
    assert.ok((await counted('Liveness', 'successful')) && (await counted('Readiness', 'successful')));
    assert.equal(await counted('Liveness', 'failed'), false);
    healthy.live = false;
    await until('failure', 'success');
    assert.ok(await counted('Liveness', 'failed'));
    prober.stop('uid-1');
    assert.doesNotMatch(await metrics.render(), /^prober_probe_total\{/m);
  });

  test('since its pod failed still says whether it is ready, and nobody asks whether it lives', async () => {
    const { healthy, asked, fail, until } = aProbed();
    await until('success', 'success');
    fail();
    asked.clear();
    Object.assign(healthy, { live: false, ready: false });
    await until('success', 'failure');
    assert.deepEqual([...asked], ['ready']);
  });

  test('since its pod is deleted still says whether it is ready, and nobody asks whether it lives', async () => {
    const { healthy, asked, until } = aProbed({ deletionTimestamp: '2026-01-01T00:00:30Z' });
    await until('success', 'success');
    Object.assign(healthy, { live: false, ready: false });
    await until('success', 'failure');
    assert.deepEqual([...asked], ['ready']);
  });
});
