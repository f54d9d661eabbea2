import assert from 'node:assert/strict';
import type { Pod } from '#kinds';
import { buildPod } from '#testing';
import type { PodMetrics } from './pod-metrics.js';
import { requestsOf } from './pod-requests.js';
import {
  replicasByAverage,
  replicasByShare,
  replicasByUtilization,
  replicasByValue,
  sumOfValues,
} from './replica-calculator.js';

const now = Date.parse('2026-01-02T03:04:05Z');
const settings = { cpuInitializationPeriod: 120_000, initialReadinessDelay: 10_000, now };
const tolerances = { scaleDown: 0.1, scaleUp: 0.1 };
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString().replace(/\.\d+/, '');

/** r: ready; u: never ready; h: just started; p: pending; f: failed; d: being deleted. */
type State = 'r' | 'u' | 'h' | 'p' | 'f' | 'd';

function podOf(state: State, i: number, request = '1'): Pod {
  const pod = buildPod({
    name: `pod-${i}`,
    phase: state === 'p' ? 'Pending' : state === 'f' ? 'Failed' : 'Running',
    ...(state === 'd' ? { deleted: ago(1) } : {}),
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: request, memory: request } } }] },
  });
  const status = state === 'r' || state === 'h' ? 'True' : 'False';
  const started = state === 'h' ? 0 : 180;
  const conditions = [{ type: 'Ready', status, lastTransitionTime: ago(started) }];
  return { ...pod, status: { ...pod.status, startTime: ago(started), conditions } } as Pod;
}

const podsOf = (states: string, request?: string) => [...states].map((state, i) => podOf(state as State, i, request));
/** Of the pods in their order; undefined: not known. */
function metricsOf(levels: readonly (number | undefined)[]): PodMetrics {
  const metrics: PodMetrics = new Map();
  for (const [i, value] of levels.entries()) {
    if (value !== undefined) metrics.set(`pod-${i}`, { value, time: now, window: 60_000 });
  }
  return metrics;
}

describe('replicas by utilization of CPU', () => {
  /** Numbers of the reference's tables: TestReplicaCalcResourceScale and those of missing and unready pods. */
  const table: [
    what: string,
    current: number,
    states: string,
    levels: (number | undefined)[],
    target: number,
    replicas: number,
    utilization: number,
    usage: number,
  ][] = [
    ['up', 3, 'rrr', [300, 500, 700], 30, 5, 50, 500],
    ['up less with an unready pod', 3, 'urr', [300, 500, 700], 30, 4, 60, 600],
    ['up less with a hot pod', 3, 'hrr', [300, 500, 700], 30, 4, 60, 600],
    ['not up with unready pods', 3, 'ruu', [400, 500, 700], 30, 3, 40, 400],
    ['up without failed pods', 2, 'rrff', [500, 700], 30, 4, 60, 600],
    ['up without pods that are deleted', 2, 'rrdd', [500, 700], 30, 4, 60, 600],
    ['down', 5, 'rrrrr', [100, 300, 500, 250, 250], 50, 3, 28, 280],
    ['down without unready pods', 5, 'rrruu', [100, 300, 500, 250, 250], 50, 2, 30, 300],
    ['down to the one that is not pending', 5, 'rpppp', [100], 50, 1, 10, 100],
    ['down without hot pods', 5, 'rrrhh', [100, 300, 500, 250, 250], 50, 2, 30, 300],
    ['down without failed pods', 5, 'rrrrrff', [100, 300, 500, 250, 250], 50, 3, 28, 280],
    ['nowhere within tolerance', 3, 'rrr', [1010, 1030, 1020], 100, 3, 102, 1020],
    ['a missing pod hinders scaling down', 4, 'rrrr', [100, undefined, 500, 250], 50, 4, 28, 283],
    ['a missing pod hinders scaling up', 2, 'rr', [1000], 100, 2, 100, 1000],
    ['one that uses twice the target and one that is missing stay', 2, 'rr', [2000], 100, 2, 200, 2000],
    ['an unready and a missing pod hinder scaling up', 3, 'rur', [1000, 450], 50, 3, 100, 1000],
    ['a ready, an unready and a missing pod scale up a little', 3, 'rur', [2000, 450], 50, 4, 200, 2000],
    ['a missing pod is taken for the target when that is above 100', 2, 'rr', [1000], 150, 2, 100, 1000],
  ];
  for (const [what, current, states, levels, target, replicas, utilization, usage] of table) {
    test(what, () => {
      const pods = podsOf(states);
      const proposal = replicasByUtilization(current, target, 'cpu', '', pods, metricsOf(levels), tolerances, settings);
      assert.deepEqual(proposal, { replicas, utilization, usage });
    });
  }

  test('says what is missing', () => {
    const by = (pods: Pod[], levels: number[]) => () =>
      replicasByUtilization(1, 50, 'cpu', '', pods, metricsOf(levels), tolerances, settings);
    assert.throws(by([], [1]), /^Error: no pods returned by selector while calculating replica count$/);
    assert.throws(by(podsOf('u'), [1]), /did not receive metrics for targeted pods \(pods might be unready\)/);
    const bare = buildPod({ name: 'pod-0' });
    const ready = { ...bare, status: podOf('r', 0).status } as Pod;
    assert.throws(by([ready], [1]), /missing request for cpu in container main of Pod pod-0/);
  });

  test('memory of a pod that is not ready counts', () => {
    const levels = [100_000, 100_000];
    const proposal = replicasByUtilization(
      2,
      50,
      'memory',
      '',
      podsOf('uu', '100'),
      metricsOf(levels),
      tolerances,
      settings,
    );
    assert.deepEqual(proposal, { replicas: 4, utilization: 100, usage: 100_000 });
  });

  test('its own tolerances count, one for each direction', () => {
    const at = (level: number, own: { scaleDown: number; scaleUp: number }) =>
      replicasByUtilization(10, 100, 'cpu', '', podsOf('r'.repeat(10)), metricsOf(Array(10).fill(level)), own, settings)
        .replicas;
    assert.equal(at(1300, { scaleDown: 0.1, scaleUp: 0.4 }), 10);
    assert.equal(at(1300, { scaleDown: 0.4, scaleUp: 0.1 }), 13);
    assert.equal(at(700, { scaleDown: 0.4, scaleUp: 0.1 }), 10);
    assert.equal(at(700, { scaleDown: 0.1, scaleUp: 0.4 }), 7);
  });
});

describe('replicas by an average', () => {
  const table: [
    current: number,
    states: string,
    levels: (number | undefined)[],
    target: number,
    replicas: number,
    usage: number,
  ][] = [
    [3, 'rrr', [20_000, 10_000, 30_000], 15_000, 4, 20_000],
    [5, 'rrrrr', [12_000, 12_000, 12_000, 12_000, 12_000], 20_000, 3, 12_000],
    [3, 'rrr', [1_000, 1_000, 1_000], 1_000, 3, 1_000],
    [3, 'rrp', [50_000, 15_000, 30_000], 15_000, 5, 32_500],
    [2, 'rr', [20_000, undefined], 15_000, 2, 20_000],
    [4, 'rrrr', [4_000, 4_000, undefined, 4_000], 10_000, 3, 4_000],
  ];
  for (const [current, states, levels, target, replicas, usage] of table) {
    test(`of ${levels} over ${states} is ${replicas}`, () => {
      const found = replicasByAverage(current, target, '', podsOf(states), metricsOf(levels), tolerances, settings);
      assert.deepEqual(found, { replicas, usage });
    });
  }
});

describe('replicas by one value', () => {
  test('of all ready pods', () => {
    assert.deepEqual(replicasByValue(3, 20_000, 15_000, podsOf('rrr'), tolerances), { replicas: 4, usage: 20_000 });
    assert.deepEqual(replicasByValue(3, 33_000, 33_000, podsOf('rrr'), tolerances), { replicas: 3, usage: 33_000 });
    assert.deepEqual(replicasByValue(3, 50_000, 10_000, podsOf('ruu'), tolerances), { replicas: 5, usage: 50_000 });
    assert.throws(() => replicasByValue(3, 1, 10, [], tolerances), /unable to calculate ready pods: no pods returned/);
  });

  test('of none, which may become some', () => {
    assert.deepEqual(replicasByValue(0, 20_000, 15_000, [], tolerances), { replicas: 2, usage: 20_000 });
    assert.deepEqual(replicasByValue(0, 0, 15_000, [], tolerances), { replicas: 0, usage: 0 });
    assert.equal(replicasByShare(0, 20_000, 15_000, tolerances).replicas, 2);
    assert.equal(replicasByShare(0, 0, 15_000, tolerances).replicas, 0);
  });

  test('shared among the pods', () => {
    assert.deepEqual(replicasByShare(3, 8_600, 2_150, tolerances), { replicas: 4, usage: 2_867 });
    assert.deepEqual(replicasByShare(5, 5_734, 2_867, tolerances), { replicas: 2, usage: 1_147 });
  });

  test('beyond what can be counted', () => {
    const most = Number(2n ** 63n - 1n);
    assert.deepEqual(replicasByShare(1, sumOfValues([most, most]), 1, tolerances), {
      replicas: 2 ** 31 - 1,
      usage: most,
    });
    assert.equal(replicasByValue(1, most, 1, podsOf('r'), tolerances).replicas, 2 ** 31 - 1);
  });
});

describe('what a pod requests', () => {
  const pod = (spec: object) => buildPod({ name: 'p', spec: spec as never });
  const container = (name: string, cpu?: string, more: object = {}) => ({
    name,
    image: 'i',
    resources: cpu === undefined ? {} : { requests: { cpu } },
    ...more,
  });
  const table: [what: string, spec: object, container: string, expected: number | RegExp][] = [
    [
      'all containers and sidecars',
      {
        containers: [container('a', '100m'), container('b', '1')],
        initContainers: [container('s', '50m', { restartPolicy: 'Always' }), container('i', '7')],
      },
      '',
      1150,
    ],
    ['one container', { containers: [container('a', '100m'), container('b')] }, 'a', 100],
    [
      'a container without',
      { containers: [container('a', '100m'), container('b')] },
      '',
      /missing request for cpu in container b of Pod p/,
    ],
    ['a container that is not there', { containers: [container('a', '1')] }, 'z', /container z not found in Pod p/],
    ['the pod as a whole', { resources: { requests: { cpu: '2' } }, containers: [container('a')] }, '', 2000],
    [
      'one container of a pod that says it as a whole',
      { resources: { requests: { cpu: '2' } }, containers: [container('a', '1')] },
      'a',
      1000,
    ],
    [
      'a pod that says another resource as a whole',
      { resources: { requests: { memory: '2' } }, containers: [container('a', '1')] },
      '',
      1000,
    ],
    [
      'nothing as a whole',
      { resources: { requests: { memory: '2' } }, containers: [container('a')] },
      '',
      /missing pod-level request for cpu in Pod p/,
    ],
  ];
  for (const [what, spec, name, expected] of table) {
    test(what, () => {
      const read = () => requestsOf([pod(spec)], 'cpu', name).get('p');
      if (expected instanceof RegExp) assert.throws(read, expected);
      else assert.equal(read(), expected);
    });
  }
});
