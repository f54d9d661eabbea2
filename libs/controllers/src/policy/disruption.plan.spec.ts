import assert from 'node:assert/strict';
import type { Pod, PodDisruptionBudget } from '#kinds';
import { buildPod } from '#testing';
import { disruptedPods, expectation, needsScale, plannedStatus, staleDisruptionIn } from './disruption.plan.js';

const now = Date.parse('2026-01-02T03:04:05Z');
const READY = '2026-01-01T00:00:00Z';

function budget(spec: PodDisruptionBudget['spec'], status?: PodDisruptionBudget['status']): PodDisruptionBudget {
  const metadata = { name: 'b', namespace: 'default', generation: 3 };
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec, status };
}

const ready = (name: string, more = {}) => buildPod({ name, readySince: READY, ...more });
const three = [ready('a'), ready('b'), ready('c')];

describe('a budget by its pods', () => {
  const table: [what: string, spec: PodDisruptionBudget['spec'], pods: Pod[], scale: number, counts: number[]][] = [
    ['a minimum', { minAvailable: 2 }, three, 0, [3, 2, 1, 3]],
    ['a minimum above what there is', { minAvailable: 5 }, three, 0, [3, 5, 0, 3]],
    ['a minimum in percent of the scale, rounded up', { minAvailable: '50%' }, three, 5, [3, 3, 0, 5]],
    ['a minimum in percent, not all there', { minAvailable: '67%' }, three, 10, [3, 7, 0, 10]],
    ['a maximum', { maxUnavailable: 1 }, three, 3, [3, 2, 1, 3]],
    ['a maximum in percent, rounded up', { maxUnavailable: '30%' }, three, 4, [3, 2, 1, 4]],
    ['a maximum over the scale', { maxUnavailable: 9 }, three, 3, [3, 0, 3, 3]],
    ['a maximum over pods without controller', { maxUnavailable: 1 }, three, 0, [3, 0, 0, 0]],
    ['neither', {}, three, 3, [3, 0, 0, 0]],
    ['no pods', { minAvailable: 0 }, [], 0, [0, 0, 0, 0]],
    ['a minimum of nothing', { minAvailable: 0 }, three, 0, [3, 0, 3, 3]],
    ['pods that are not ready', { minAvailable: 1 }, [buildPod({ name: 'a' }), ready('b')], 0, [1, 1, 0, 2]],
    ['pods that are being deleted', { minAvailable: 1 }, [ready('a', { deleted: READY }), ready('b')], 0, [1, 1, 0, 2]],
  ];
  for (const [what, spec, pods, scale, counts] of table) {
    test(what, () => {
      const status = plannedStatus(budget(spec), pods, scale, {}, now)!;
      const { currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods } = status;
      assert.deepEqual([currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods], counts);
      assert.equal(status.observedGeneration, 3);
      assert.equal(status.conditions?.[0]?.reason, disruptionsAllowed! > 0 ? 'SufficientPods' : 'InsufficientPods');
      assert.equal(status.conditions?.[0]?.observedGeneration, 3);
      assert.equal(plannedStatus(budget(spec, status), pods, scale, {}, now + 60_000), undefined);
    });
  }

  test('asks for a scale for maximums and percentages alone', () => {
    assert.deepEqual(
      [{ maxUnavailable: 1 }, { minAvailable: '10%' }, { minAvailable: 1 }, {}].map((spec) => needsScale(budget(spec))),
      [true, true, false, false],
    );
  });

  test('a percentage that is none is refused', () => {
    assert.throws(() => expectation(budget({ minAvailable: 'many' }), 1, 1), /string is not a percentage/);
  });

  test('the time of the condition is that of its last change', () => {
    const first = plannedStatus(budget({ minAvailable: 2 }), three, 0, {}, now)!;
    const second = plannedStatus(budget({ minAvailable: 2 }, first), [...three, ready('d')], 0, {}, now + 5_000)!;
    assert.equal(second.conditions?.[0]?.lastTransitionTime, '2026-01-02T03:04:05Z');
    const third = plannedStatus(budget({ minAvailable: 2 }, second), [ready('a')], 0, {}, now + 9_000)!;
    assert.equal(third.conditions?.[0]?.lastTransitionTime, '2026-01-02T03:04:14Z');
  });
});

test('evicted pods do not count for two minutes, and are forgotten then or when they are gone', () => {
  const evicted = { a: '2026-01-02T03:03:05Z', b: '2026-01-02T03:02:04Z', gone: '2026-01-02T03:04:05Z' };
  const told = budget({ minAvailable: 1 }, { disruptedPods: evicted });
  const { pods, overdue, recheckAt } = disruptedPods(told, three, now);
  assert.deepEqual({ ...pods }, { a: '2026-01-02T03:03:05Z' });
  assert.deepEqual(
    overdue.map(({ metadata }) => metadata.name),
    ['b'],
  );
  assert.equal(recheckAt, now + 60_000);
  assert.equal(plannedStatus(told, three, 0, pods, now)?.currentHealthy, 2);
  const going = [ready('a', { deleted: READY })];
  assert.deepEqual(disruptedPods(told, going, now), { pods: {}, overdue: [], recheckAt: undefined });
});

describe("a pod's word that it is about to be disrupted", () => {
  const pod = (more: object, condition: object): Pod => {
    const base = buildPod({ name: 'p', ...more });
    const told = { type: 'DisruptionTarget', status: 'True', lastTransitionTime: '2026-01-02T03:03:05Z', ...condition };
    return { ...base, status: { ...base.status, conditions: [...base.status!.conditions!, told] } } as Pod;
  };
  const table: [what: string, pod: Pod, left: number | undefined][] = [
    ['counts for two minutes', pod({}, {}), 60_000],
    ['counts for nothing after them', pod({}, { lastTransitionTime: '2026-01-02T03:00:05Z' }), 0],
    ['stays with a pod that is going', pod({ deleted: READY }, {}), undefined],
    ['stays with a pod that has ended', pod({ phase: 'Failed' }, {}), undefined],
    ["stays when it is the agent's", pod({}, { reason: 'TerminationByKubelet' }), undefined],
    ['is gone already', pod({}, { status: 'False' }), undefined],
  ];
  for (const [what, given, left] of table) test(what, () => assert.equal(staleDisruptionIn(given, now), left));
});
