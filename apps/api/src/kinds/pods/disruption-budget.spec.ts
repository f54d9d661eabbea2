import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { countedStatus, type ScaleOfPod } from './disruption-budget.js';

const now = new Date('2026-01-02T03:04:05Z');

function pod(name: string, ready = true, more: object = {}): KubeObject {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...more }, status: { phase: 'Running', conditions } };
}

function budget(spec: object, status?: object): KubeObject {
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec, status };
}

const three = [pod('a'), pod('b'), pod('c')];
const wants =
  (replicas: number): ScaleOfPod =>
  () => ({ uid: 'one', replicas });
const unmanaged: ScaleOfPod = () => undefined;

describe('a budget by its pods', () => {
  const table: [what: string, spec: object, pods: KubeObject[], scale: ScaleOfPod, counts: number[]][] = [
    ['a minimum', { minAvailable: 2 }, three, unmanaged, [3, 2, 1, 3]],
    ['a minimum above what there is', { minAvailable: 5 }, three, unmanaged, [3, 5, 0, 3]],
    ['a minimum in percent of the scale, rounded up', { minAvailable: '50%' }, three, wants(5), [3, 3, 0, 5]],
    ['a maximum', { maxUnavailable: 1 }, three, wants(3), [3, 2, 1, 3]],
    ['a maximum in percent, rounded up', { maxUnavailable: '30%' }, three, wants(4), [3, 2, 1, 4]],
    ['a maximum over the scale', { maxUnavailable: 9 }, three, wants(3), [3, 0, 3, 3]],
    ['a maximum over pods without controller', { maxUnavailable: 1 }, three, unmanaged, [3, 0, 0, 0]],
    ['neither', {}, three, wants(3), [3, 0, 0, 0]],
    ['no pods', { minAvailable: 0 }, [], unmanaged, [0, 0, 0, 0]],
    ['pods that are not ready', { minAvailable: 1 }, [pod('a', false), pod('b')], unmanaged, [1, 1, 0, 2]],
    [
      'pods that are being deleted',
      { minAvailable: 1 },
      [pod('a', true, { deletionTimestamp: '2026-01-02T03:00:00Z' }), pod('b')],
      unmanaged,
      [1, 1, 0, 2],
    ],
    [
      'several controllers',
      { maxUnavailable: '50%' },
      three,
      ({ metadata }) => ({ uid: metadata.name === 'a' ? 'x' : 'y', replicas: 2 }),
      [3, 2, 1, 4],
    ],
  ];
  for (const [what, spec, pods, scale, counts] of table) {
    test(what, () => {
      const status = countedStatus(budget(spec), pods, scale, now);
      const { currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods } = status;
      assert.deepEqual([currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods], counts);
      assert.equal(status.conditions?.[0]?.reason, disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods');
      assert.equal(status.observedGeneration, undefined);
    });
  }

  test('evicted pods do not count for two minutes, and are forgotten then or when they are gone', () => {
    const disruptedPods = { a: '2026-01-02T03:03:05Z', b: '2026-01-02T03:02:04Z', gone: '2026-01-02T03:04:05Z' };
    const status = countedStatus(budget({ minAvailable: 1 }, { disruptedPods }), three, unmanaged, now);
    assert.deepEqual({ ...status.disruptedPods }, { a: '2026-01-02T03:03:05Z' });
    assert.equal(status.currentHealthy, 2);
  });

  test('what cannot be counted allows nothing and says why', () => {
    const unknown: ScaleOfPod = () => {
      throw new Error('found no controllers for pod "a"');
    };
    const status = countedStatus(budget({ maxUnavailable: 1 }), three, unknown, now);
    assert.equal(status.disruptionsAllowed, 0);
    assert.deepEqual(
      [status.conditions?.[0]?.reason, status.conditions?.[0]?.message],
      ['SyncFailed', 'found no controllers for pod "a"'],
    );
  });
});
