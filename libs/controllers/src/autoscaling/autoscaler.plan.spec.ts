import assert from 'node:assert/strict';
import type { HorizontalPodAutoscaler, MetricStatus } from '#kinds';
import {
  boundsOf,
  type Change,
  changeByMetrics,
  changeWithoutMetrics,
  combine,
  tolerancesOf,
} from './autoscaler.plan.js';
import { AutoscalerStatus } from './autoscaler-status.js';
import { MetricFailure, type MetricProposal } from './metric-proposal.js';
import { ScalingHistory } from './scaling-history.js';

const now = 1_700_000_000_000;
const THEN = '2023-01-01T00:00:00Z';
const NOW = '2023-11-14T22:13:20Z';

function autoscaler(
  spec: Partial<HorizontalPodAutoscaler['spec']> = {},
  status?: HorizontalPodAutoscaler['status'],
): HorizontalPodAutoscaler {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web', namespace: 'default', generation: 2 },
    spec: { maxReplicas: 10, scaleTargetRef: { kind: 'Deployment', name: 'web' }, ...spec },
    status,
  };
}

const zeroed = (status: 'True' | 'False') => ({
  desiredReplicas: 0,
  conditions: [{ type: 'ScaledToZero', status, reason: '', message: '', lastTransitionTime: THEN }],
});
const external = [{ type: 'External' }];
const shown = (status: AutoscalerStatus, type: string) => {
  const found = status.changed?.conditions?.find((condition) => condition.type === type);
  return found && `${found.status} ${found.reason}`;
};

describe('whatever the metrics say', () => {
  const table: [what: string, given: HorizontalPodAutoscaler, current: number, change: Change | undefined][] = [
    [
      'above the bounds',
      autoscaler(),
      11,
      { replicas: 10, reason: 'Current number of replicas above Spec.MaxReplicas' },
    ],
    [
      'below them',
      autoscaler({ minReplicas: 3 }),
      2,
      { replicas: 3, reason: 'Current number of replicas below Spec.MinReplicas' },
    ],
    ['within them', autoscaler(), 5, undefined],
    ['at zero by somebody else', autoscaler({ minReplicas: 2 }), 0, { replicas: 0, reason: '' }],
    ['at zero by itself', autoscaler({ minReplicas: 0, metrics: external }, zeroed('True')), 0, undefined],
    ['at zero by itself, and no longer allowed', autoscaler({ minReplicas: 1 }, zeroed('True')), 0, undefined],
    ['at zero, and nothing to wake it', autoscaler({ minReplicas: 0 }, zeroed('True')), 0, { replicas: 0, reason: '' }],
    [
      'at zero by somebody else than before',
      autoscaler({ minReplicas: 0, metrics: external }, zeroed('False')),
      0,
      { replicas: 0, reason: '' },
    ],
  ];
  for (const [what, given, current, change] of table) {
    test(what, () => {
      const status = new AutoscalerStatus(given, NOW);
      assert.deepEqual(changeWithoutMetrics(given, boundsOf(given, current), status), change);
      if (change?.reason === '') assert.equal(shown(status, 'ScalingActive'), 'False ScalingDisabled');
    });
  }
});

describe('several metrics', () => {
  const says = (replicas: number, name = `m${replicas}`): MetricProposal => ({
    replicas,
    name,
    status: { type: name },
  });
  const fails = new MetricFailure('FailedGetPodsMetric', 'why', 'about: why');
  const table: [
    what: string,
    results: (MetricProposal | MetricFailure)[],
    replicas: number | undefined,
    failure: boolean,
  ][] = [
    ['the highest counts', [says(3), says(7), says(5)], 7, false],
    ['one that fails does not hinder scaling up', [fails, says(7)], 7, true],
    ['one that fails hinders scaling down', [says(3), fails], undefined, true],
    ['one that fails does not hinder staying', [says(5), fails], 5, true],
    ['all fail', [fails, fails], undefined, true],
    ['nothing is wanted', [says(0)], 0, false],
  ];
  for (const [what, results, replicas, failed] of table) {
    test(what, () => {
      const status = new AutoscalerStatus(autoscaler(), NOW);
      const combined = combine(results, 5, status);
      assert.equal(combined.proposal?.replicas, replicas);
      assert.equal(combined.failure !== undefined, failed);
      assert.equal(
        shown(status, 'ScalingActive'),
        replicas === undefined ? 'False FailedGetPodsMetric' : 'True ValidMetricFound',
      );
      assert.equal(combined.statuses.length, results.length);
    });
  }

  test('say how many of them failed, and the first one how', () => {
    const { failure } = combine([says(1), fails, fails], 5, new AutoscalerStatus(autoscaler(), NOW));
    assert.equal(failure, 'invalid metrics (2 invalid out of 3), first error is: about: why');
  });
});

describe('a proposal', () => {
  const change = (
    given: HorizontalPodAutoscaler,
    current: number,
    proposed: number,
    history = new ScalingHistory(current, now),
  ) => {
    const status = new AutoscalerStatus(given, NOW);
    const found = changeByMetrics(
      given,
      { replicas: proposed, name: 'm' },
      boundsOf(given, current),
      status,
      history,
      now,
    );
    return [found.replicas, found.reason, shown(status, 'AbleToScale'), shown(status, 'ScalingLimited')];
  };
  const rules = { selectPolicy: 'Max', policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] };

  test('goes up at once, as far as bounds and rates let it', () => {
    assert.deepEqual(change(autoscaler(), 3, 5), [
      5,
      'm above target',
      'True ReadyForNewScale',
      'False DesiredWithinRange',
    ]);
    assert.deepEqual(change(autoscaler(), 3, 9), [6, 'm above target', 'True ReadyForNewScale', 'True ScaleUpLimit']);
    assert.deepEqual(change(autoscaler(), 8, 99), [
      10,
      'm above target',
      'True ReadyForNewScale',
      'True TooManyReplicas',
    ]);
    const behavior = { scaleUp: { ...rules, stabilizationWindowSeconds: 0 }, scaleDown: rules };
    assert.deepEqual(change(autoscaler({ behavior }), 3, 9), [
      5,
      'm above target',
      'True ReadyForNewScale',
      'True ScaleUpLimit',
    ]);
  });

  test('goes down when the window lets it', () => {
    const old = new ScalingHistory(5, now - 301_000);
    assert.deepEqual(change(autoscaler(), 5, 2), [
      5,
      'All metrics below target',
      'True ScaleDownStabilized',
      'False DesiredWithinRange',
    ]);
    assert.deepEqual(change(autoscaler(), 5, 2, old), [
      2,
      'All metrics below target',
      'True ReadyForNewScale',
      'False DesiredWithinRange',
    ]);
    const behavior = { scaleUp: rules, scaleDown: { ...rules, stabilizationWindowSeconds: 0 } };
    assert.deepEqual(change(autoscaler({ behavior }), 5, 1), [
      3,
      'All metrics below target',
      'True ReadyForNewScale',
      'True ScaleDownLimit',
    ]);
  });

  test('wakes a target that was scaled to zero, to the least there may be', () => {
    const given = autoscaler({ minReplicas: 2 }, zeroed('True'));
    assert.equal(change(given, 0, 1)[0], 2);
    const behavior = { scaleUp: { ...rules, stabilizationWindowSeconds: 0 }, scaleDown: rules };
    const slowly = autoscaler({ minReplicas: 2, behavior }, zeroed('True'));
    assert.deepEqual(change(slowly, 0, 0).slice(0, 2), [2, 'Current number of replicas below Spec.MinReplicas']);
  });
});

describe('the status', () => {
  test('keeps the time of a condition while its truth lasts, and is written when something changed', () => {
    const before = {
      desiredReplicas: 2,
      currentReplicas: 2,
      observedGeneration: 2,
      lastScaleTime: THEN,
      conditions: [{ type: 'AbleToScale', status: 'True', reason: 'A', message: 'm', lastTransitionTime: THEN }],
    };
    const status = new AutoscalerStatus(autoscaler({}, before), NOW);
    status.set('AbleToScale', true, 'A', 'm');
    status.observe(2, 2, [], false);
    assert.deepEqual([status.changed], [undefined]);
    status.set('AbleToScale', false, 'B', 'n');
    assert.equal(status.changed?.conditions?.[0]?.lastTransitionTime, NOW);
    const metrics: MetricStatus[] = [{ type: 'Resource' }];
    status.observe(2, 4, metrics, true);
    assert.deepEqual(
      { ...status.changed, conditions: undefined },
      {
        currentReplicas: 2,
        desiredReplicas: 4,
        observedGeneration: 2,
        lastScaleTime: NOW,
        currentMetrics: metrics,
        conditions: undefined,
      },
    );
  });
});

test('tolerances are those of the behavior, each for its direction', () => {
  assert.deepEqual(tolerancesOf(autoscaler()), { scaleDown: 0.1, scaleUp: 0.1 });
  assert.deepEqual(tolerancesOf(autoscaler({ behavior: { scaleUp: { tolerance: '50m' }, scaleDown: {} } })), {
    scaleDown: 0.1,
    scaleUp: 0.05,
  });
});
