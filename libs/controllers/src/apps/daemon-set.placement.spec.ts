import assert from 'node:assert/strict';
import type { DaemonSet, Node, Pod, PodSpec, Taint } from '#kinds';
import { buildPod } from '#testing';
import {
  type DaemonWorld,
  daemonStatus,
  daemonTemplate,
  placementOn,
  planPlacement,
  planRollout,
  podsByNode,
  targetNode,
} from './daemon-set.placement.js';

const NOW = Date.UTC(2030, 0, 1);
const LONG_AGO = '2029-12-01T00:00:00Z';
const HASH = 'controller-revision-hash';

const node = (name: string, taints: Taint[] = [], labels: Record<string, string> = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
  spec: { taints },
});

function daemonSet(spec: Partial<PodSpec> = {}, strategy: object = {}, more: object = {}): DaemonSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'd', namespace: 'default', uid: 'd', generation: 2 },
    spec: {
      selector: { matchLabels: { app: 'd' } },
      template: { metadata: { labels: { app: 'd' } }, spec: { containers: [], ...spec } as PodSpec },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1, ...strategy } },
      ...more,
    },
  };
}

const taint = (key: string, effect: Taint['effect']): Taint => ({ key, effect });

describe('a daemon on a node', () => {
  const rows: [name: string, set: DaemonSet, of: Node, run: boolean, stay: boolean][] = [
    ['runs', daemonSet(), node('n'), true, true],
    ['runs on the node that it names', daemonSet({ nodeName: 'n' }), node('n'), true, true],
    ['does not run on another one', daemonSet({ nodeName: 'm' }), node('n'), false, false],
    ['follows its selector', daemonSet({ nodeSelector: { a: 'b' } }), node('n', [], { a: 'b' }), true, true],
    ['leaves a node that it does not select', daemonSet({ nodeSelector: { a: 'b' } }), node('n'), false, false],
    ['stays where a taint only keeps pods away', daemonSet(), node('n', [taint('k', 'NoSchedule')]), false, true],
    ['leaves where a taint drives pods out', daemonSet(), node('n', [taint('k', 'NoExecute')]), false, false],
    ['does not mind a taint that only asks', daemonSet(), node('n', [taint('k', 'PreferNoSchedule')]), true, true],
    [
      'runs where it tolerates the taint',
      daemonSet({ tolerations: [{ key: 'k', operator: 'Exists' }] }),
      node('n', [taint('k', 'NoExecute'), taint('k', 'NoSchedule')]),
      true,
      true,
    ],
    ...(['not-ready', 'unreachable'] as const).map((key): [string, DaemonSet, Node, boolean, boolean] => [
      `runs on a node that is ${key}`,
      daemonSet(),
      node('n', [taint(`node.kubernetes.io/${key}`, 'NoExecute')]),
      true,
      true,
    ]),
    ...(['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'] as const).map(
      (key): [string, DaemonSet, Node, boolean, boolean] => [
        `runs on a node with ${key}`,
        daemonSet(),
        node('n', [taint(`node.kubernetes.io/${key}`, 'NoSchedule')]),
        true,
        true,
      ],
    ),
    [
      'waits for the network',
      daemonSet(),
      node('n', [taint('node.kubernetes.io/network-unavailable', 'NoSchedule')]),
      false,
      true,
    ],
    [
      'does not wait for it on the host network',
      daemonSet({ hostNetwork: true }),
      node('n', [taint('node.kubernetes.io/network-unavailable', 'NoSchedule')]),
      true,
      true,
    ],
  ];
  for (const [name, set, of, run, stay] of rows) it(name, () => assert.deepEqual(placementOn(set, of), { run, stay }));

  it('is bound by its template, which keeps the affinity that is not about the node', () => {
    const affinity = { podAntiAffinity: {}, nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };
    const template = daemonTemplate(daemonSet({ affinity }), 'n', 'h');
    assert.equal(targetNode(buildPod({ spec: template.spec })), 'n');
    assert.deepEqual(template.metadata!.labels, { app: 'd', [HASH]: 'h' });
    assert.ok(template.spec!.affinity!.podAntiAffinity);
    assert.ok(template.spec!.affinity!.nodeAffinity!.preferredDuringSchedulingIgnoredDuringExecution);
  });
});

/** `n:new+` is a pod on node n of the new revision that is available; `old`; `-`: not ready; `!failed`, `!succeeded`; `x`: being deleted. */
function podOf(text: string): Pod {
  const [, on, revision, state, phase, deleted] = /^(\w+):(new|old)([+-])(?:!(\w+?))?(x?)$/.exec(text)!;
  return buildPod({
    name: text,
    node: on,
    labels: { [HASH]: revision! },
    phase: phase === 'failed' ? 'Failed' : phase === 'succeeded' ? 'Succeeded' : 'Running',
    ...(state === '+' ? { readySince: LONG_AGO } : {}),
    ...(deleted ? { deleted: LONG_AGO } : {}),
  });
}

const SURGE = { maxSurge: 1, maxUnavailable: 0 };

function worldOf(pods: string, nodes: Node[], set = daemonSet()): DaemonWorld {
  return { set, nodes, pods: podsByNode(pods.split(' ').filter(Boolean).map(podOf)), hash: 'new', now: NOW };
}

const names = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.name).sort();
const plain = (list: string) => list.split('').map((name) => node(name));

describe('the placement of daemons', () => {
  const tainted = (effect: Taint['effect']) => [node('a', [taint('k', effect)])];
  const rows: [name: string, pods: string, nodes: Node[], strategy: object, createOn: string[], remove: string[]][] = [
    ['makes what is missing', 'a:new+', plain('abc'), {}, ['b', 'c'], []],
    ['removes all but the oldest', 'a:new+ a:old+', plain('a'), {}, [], ['a:old+']],
    ['removes what failed, and makes another one later', 'a:new-!failed', plain('a'), {}, [], ['a:new-!failed']],
    ['removes what ended', 'a:new-!succeeded', plain('a'), {}, [], ['a:new-!succeeded']],
    ['waits for what goes away', 'a:new+x', plain('a'), {}, [], []],
    ['waits for nothing that has ended and goes away', 'a:new-!failedx', plain('a'), {}, ['a'], []],
    ['removes pods from a node that drives them out', 'a:new+ a:old+x', tainted('NoExecute'), {}, [], ['a:new+']],
    ['leaves pods on a node that only keeps new ones away', 'a:new+', tainted('NoSchedule'), {}, [], []],
    ['surging, lets a ready old pod stay beside a new one', 'a:old+ a:new-', plain('a'), SURGE, [], []],
    ['surging, removes the old pod when the new one is available', 'a:old+ a:new+', plain('a'), SURGE, [], ['a:old+']],
    ['surging, removes an old pod that is not ready', 'a:old- a:new-', plain('a'), SURGE, [], ['a:old-']],
    ['surging, makes a pod beside one that goes away', 'a:old+x', plain('a'), SURGE, ['a'], []],
    ['surging, makes a pod beside one that failed', 'a:old-!failed', plain('a'), SURGE, ['a'], ['a:old-!failed']],
    ['surging, makes none where none should run', 'a:old+x', tainted('NoSchedule'), SURGE, [], []],
  ];
  for (const [name, pods, nodes, strategy, createOn, remove] of rows) {
    it(name, () => {
      const plan = planPlacement(worldOf(pods, nodes, daemonSet({}, strategy)));
      assert.deepEqual([plan.createOn, names(plan.remove)], [createOn, remove]);
    });
  }
});

describe('the roll-out of daemons', () => {
  const unwanted = [...plain('ab'), node('c', [taint('k', 'NoSchedule')])];
  const rows: [name: string, pods: string, nodes: Node[], strategy: object, createOn: string[], remove: string[]][] = [
    ['replaces one at a time', 'a:old+ b:old+ c:old+', plain('abc'), {}, [], ['a:old+']],
    [
      'as many as may be unavailable',
      'a:old+ b:old+ c:old+',
      plain('abc'),
      { maxUnavailable: '50%' },
      [],
      ['a:old+', 'b:old+'],
    ],
    ['waits for a new pod that is not available', 'a:new- b:old+', plain('ab'), {}, [], []],
    ['waits for a node without a pod', 'b:old+', plain('ab'), {}, [], []],
    ['waits for one that goes away', 'a:old+x b:old+', plain('ab'), {}, [], []],
    ['replaces all that do not work', 'a:old- b:old- c:old+', plain('abc'), {}, [], ['a:old-', 'b:old-']],
    ['counts a node with several pods as unavailable', 'a:new+ a:new- b:old+', plain('ab'), {}, [], []],
    ['replaces pods also where none would be made', 'a:new+ b:new+ c:old+', unwanted, {}, [], ['c:old+']],
    ['takes one when neither number allows any', 'a:old+ b:old+', plain('ab'), { maxUnavailable: 0 }, [], ['a:old+']],
    ['surging, makes new ones beside old ones', 'a:old+ b:old+', plain('ab'), SURGE, ['a'], []],
    ['surging, waits for a new one', 'a:old+ a:new- b:old+', plain('ab'), SURGE, [], []],
    ['surging, removes the old one after that', 'a:old+ a:new+ b:old+', plain('ab'), SURGE, ['b'], ['a:old+']],
    ['surging, replaces all that do not work', 'a:old- b:old- c:old+', plain('abc'), SURGE, ['a', 'b', 'c'], []],
    ['surging, keeps a pod where none is wanted until others do', 'a:new+ b:new- c:old+', unwanted, SURGE, [], []],
    ['surging, and removes it then', 'a:new+ b:new+ c:old+', unwanted, SURGE, [], ['c:old+']],
    ['surging, removes one there that does not work', 'a:new+ b:new- c:old-', unwanted, SURGE, [], ['c:old-']],
  ];
  for (const [name, pods, nodes, strategy, createOn, remove] of rows) {
    it(name, () => {
      const plan = planRollout(worldOf(pods, nodes, daemonSet({}, strategy)));
      assert.deepEqual([plan.createOn, names(plan.remove)], [createOn, remove]);
    });
  }

  it('does nothing where that is left to somebody else', () => {
    const set = daemonSet({}, {}, { updateStrategy: { type: 'OnDelete' } });
    assert.deepEqual(planRollout(worldOf('a:old+ b:old-', plain('ab'), set)), { createOn: [], remove: [] });
  });

  it('takes pods of the same template generation for updated ones', () => {
    const set = daemonSet();
    set.metadata.annotations = { 'deprecated.daemonset.template.generation': '7' };
    const pod = podOf('a:old+');
    pod.metadata.labels = { ...pod.metadata.labels, 'pod-template-generation': '7' };
    const world = { ...worldOf('', plain('a'), set), pods: podsByNode([pod]) };
    assert.deepEqual(planRollout(world), { createOn: [], remove: [] });
  });
});

describe('the status of daemons', () => {
  it('counts the oldest pod of each node that wants one', () => {
    const nodes = [...plain('abcd'), node('e', [taint('k', 'NoSchedule')])];
    assert.deepEqual(daemonStatus(worldOf('a:new+ b:old+ c:new- e:new+', nodes)), {
      currentNumberScheduled: 3,
      numberMisscheduled: 1,
      desiredNumberScheduled: 4,
      numberReady: 2,
      observedGeneration: 2,
      updatedNumberScheduled: 2,
      numberAvailable: 2,
      numberUnavailable: 2,
    });
  });

  it('does not count pods that have ended and go away', () => {
    assert.equal(daemonStatus(worldOf('a:new-!failedx', plain('a'))).currentNumberScheduled, 0);
  });

  it('waits with availability for as long as the set says', () => {
    const set = daemonSet({}, {}, { minReadySeconds: 60 });
    const pod = buildPod({ name: 'p', node: 'a', readySince: new Date(NOW - 30_000).toISOString() });
    const { numberReady, numberAvailable } = daemonStatus({ ...worldOf('', plain('a'), set), pods: podsByNode([pod]) });
    assert.deepEqual([numberReady, numberAvailable], [1, undefined]);
  });
});
