import assert from 'node:assert/strict';
import type { GroupVersionResource, KubeObject } from '#apimachinery';
import { gvr, type Pod } from '#kinds';
import { buildPod, controllerContext, FakeClock, MemoryClient } from '#testing';
import { startControllers } from './start-controllers.js';

const READY = '2029-12-31T00:00:00Z';
const HOUR = 3_600_000;
const LABELS = { app: 'web' };
const TEMPLATE = { metadata: { labels: LABELS }, spec: { containers: [{ name: 'main', image: 'x' }] } };
const ROLLING = {
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  revisionHistoryLimit: 10,
  progressDeadlineSeconds: 600,
};

type Objects = [of: GroupVersionResource, kind: string, name: string, spec: object][];

interface Contradiction {
  what: string;
  names: string[];
  objects: Objects;
  /** Beside those that the objects make. */
  pods?: Pod[];
  /** What events say at the end. */
  events: string[];
  /** Calls in the hour that begins when all has been said once. Events that come again count as patches of one. */
  calls: Record<string, number>;
  holds?(client: MemoryClient): Promise<void>;
}

const replicaSet = (name: string): Objects[number] => [
  gvr.replicasets,
  'ReplicaSet',
  name,
  { replicas: 2, selector: { matchLabels: LABELS }, template: TEMPLATE },
];
const deployment = (name: string): Objects[number] => [
  gvr.deployments,
  'Deployment',
  name,
  { replicas: 2, selector: { matchLabels: LABELS }, template: TEMPLATE, ...ROLLING },
];
const budget = (name: string, minAvailable: number): Objects[number] => [
  gvr.poddisruptionbudgets,
  'PodDisruptionBudget',
  name,
  { minAvailable, selector: { matchLabels: LABELS } },
];
const cronJob = (name: string, schedule: string, more: object = {}): Objects[number] => [
  gvr.cronjobs,
  'CronJob',
  name,
  {
    schedule,
    concurrencyPolicy: 'Allow',
    suspend: false,
    successfulJobsHistoryLimit: 3,
    failedJobsHistoryLimit: 1,
    jobTemplate: { spec: { template: TEMPLATE } },
    ...more,
  },
];
const orphan = (name: string): Pod => buildPod({ name, labels: LABELS, node: 'n', readySince: READY });
const overlap = (noun: string, other: string) =>
  `Warning SelectorOverlap: The selectors of these ${noun}s choose pods of this one, too: ${other}`;

async function ownersOf(client: MemoryClient): Promise<string[]> {
  const { items } = await client.list<Pod>(gvr.pods);
  return items.map(({ metadata }) => (metadata.ownerReferences ?? []).map(({ name }) => name).join(' and ')).sort();
}

const CONTRADICTIONS: Contradiction[] = [
  {
    what: 'two Deployments with one selector keep their own pods',
    names: ['deployment-controller', 'replicaset-controller'],
    objects: [deployment('one'), deployment('two')],
    events: [overlap('deployment', 'one'), overlap('deployment', 'two')],
    calls: {},
    holds: async (client) => {
      const sets = (await client.list(gvr.replicasets)).items;
      assert.deepEqual(sets.map(({ metadata }) => metadata.ownerReferences![0]!.name).sort(), ['one', 'two']);
      assert.equal((await client.list(gvr.pods)).items.length, 4);
    },
  },
  {
    what: 'two ReplicaSets that adopt one pod leave it to one of them',
    names: ['replicaset-controller'],
    objects: [replicaSet('one'), replicaSet('two')],
    pods: [orphan('stray')],
    events: [overlap('replica set', 'one'), overlap('replica set', 'two')],
    calls: {},
    holds: async (client) => assert.deepEqual(await ownersOf(client), ['one', 'one', 'two', 'two']),
  },
  {
    what: 'a ReplicaSet and a ReplicationController that adopt one pod leave it to one of them',
    names: ['replicaset-controller', 'replicationcontroller-controller'],
    objects: [
      replicaSet('set'),
      [
        gvr.replicationcontrollers,
        'ReplicationController',
        'controller',
        { replicas: 2, selector: LABELS, template: TEMPLATE },
      ],
    ],
    pods: [orphan('stray')],
    events: [],
    calls: {},
    holds: async (client) => assert.deepEqual(await ownersOf(client), ['controller', 'controller', 'set', 'set']),
  },
  {
    what: 'a schedule that never fires starts nothing',
    names: ['cronjob-controller'],
    objects: [cronJob('never', '0 0 30 2 *')],
    events: [
      'Warning InvalidSchedule: invalid schedule: 0 0 30 2 * : time difference between two schedules is less than 1 second',
    ],
    calls: {},
  },
  {
    what: 'a time zone that there is not starts nothing',
    names: ['cronjob-controller'],
    objects: [cronJob('nowhere', '* * * * *', { timeZone: 'Nowhere/Land' })],
    events: ['Warning UnknownTimeZone: invalid timeZone: "Nowhere/Land": unknown time zone Nowhere/Land'],
    calls: {},
  },
  {
    what: 'budgets over the same pods each count them',
    names: ['disruption-controller'],
    objects: [budget('all', 2), budget('some', 1)],
    pods: [orphan('a'), orphan('b')],
    events: [
      'Warning MultiplePodDisruptionBudgets: Pod "default"/"a" matches multiple PodDisruptionBudgets.  Chose "all" arbitrarily.',
      'Warning MultiplePodDisruptionBudgets: Pod "default"/"b" matches multiple PodDisruptionBudgets.  Chose "all" arbitrarily.',
    ],
    calls: {},
    holds: async (client) => {
      const { items } = await client.list<KubeObject>(gvr.poddisruptionbudgets);
      const allowed = items.map(({ metadata, status }) => [metadata.name, (status as any).disruptionsAllowed]);
      assert.deepEqual(allowed, [
        ['all', 0],
        ['some', 1],
      ]);
    },
  },
];

/** Makes the world of a row, lets it settle, and counts what an hour costs. */
async function play({ names, objects, pods = [] }: Contradiction) {
  const client = new MemoryClient();
  const clock = new FakeClock();
  client.put(gvr.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'n' } });
  for (const pod of pods) client.put(gvr.pods, pod as KubeObject);
  for (const [of, kind, name, spec] of objects) {
    client.put(of, {
      apiVersion: of.group ? `${of.group}/${of.version}` : of.version,
      kind,
      metadata: { namespace: 'default', name, uid: `uid-${name}`, generation: 1, creationTimestamp: READY },
      spec,
    } as KubeObject);
  }
  const stop = new AbortController();
  const context = controllerContext(client, { clock });
  const running = startControllers({ ...context, signal: stop.signal, names, leaderElect: false });
  try {
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(30_000);
      for (const pod of (await client.list<Pod>(gvr.pods)).items) {
        if (pod.status?.phase === 'Running') continue;
        const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: READY }];
        client.put(gvr.pods, { ...pod, status: { phase: 'Running', conditions } } as Pod);
      }
    }
    client.calls = {};
    await clock.advance(HOUR);
    const calls = { ...client.calls };
    const events = (await client.list<KubeObject>(gvr.events)).items
      .filter(({ type }) => type === 'Warning')
      .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
    return { client, calls, events: events.sort() };
  } finally {
    stop.abort();
    await running;
  }
}

describe('objects that contradict each other', () => {
  for (const row of CONTRADICTIONS) {
    it(`${row.what}, say so, and cost nothing from then on`, async () => {
      const { client, calls, events } = await play(row);
      assert.deepEqual(events, row.events);
      assert.deepEqual(calls, row.calls);
      await row.holds?.(client);
    });
  }

  it('an autoscaler without a target says so, and asks for it once each look', async () => {
    const { client, calls, events } = await play({
      what: '',
      names: ['horizontal-pod-autoscaler-controller'],
      objects: [
        [
          gvr.horizontalpodautoscalers,
          'HorizontalPodAutoscaler',
          'lost',
          {
            minReplicas: 1,
            maxReplicas: 3,
            scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' },
          },
        ],
      ],
      events: [],
      calls: {},
    });
    const [autoscaler] = (await client.list<KubeObject>(gvr.horizontalpodautoscalers)).items;
    const conditions = (autoscaler!['status'] as any).conditions.map(
      ({ type, status, reason }: Record<string, string>) => `${type} ${status} ${reason}`,
    );
    assert.deepEqual(conditions, ['AbleToScale False FailedGetScale']);
    assert.equal(events.length, 1, events.join('\n'));
    assert.match(events[0]!, /^Warning FailedGetScale: /);
    const { 'get deployments': looks, 'patch events': told, ...writes } = calls;
    assert.equal(looks, HOUR / 15_000);
    // One each five minutes gets past the spam filter.
    assert.ok(told! <= HOUR / 300_000 + 25, `${told}`);
    assert.deepEqual(writes, {});
  });
});
