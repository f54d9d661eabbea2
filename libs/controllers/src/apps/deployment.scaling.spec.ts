import assert from 'node:assert/strict';
import type { Deployment, ReplicaSet } from '#kinds';
import { buildDeployment, buildReplicaSet } from '#testing';
import { maxUnavailable, newSetSize, planRollingUpdate, planScaling } from './deployment.sizing.js';

/** The cases of the reference's own tests of scaling and rolling, by what they ask and what they expect. */

type Sizes = readonly number[];

interface Scaling {
  what: string;
  from: number;
  to: number;
  /** Sizes from the newest set to the oldest; undefined in place of the first: there is no new set. */
  sets: readonly [number | undefined, ...Sizes];
  becomes: Sizes;
  surge?: { before: number; now: number };
  available?: number;
  unavailable?: number;
}

const SCALINGS: Scaling[] = [
  { what: 'one set grows', from: 10, to: 12, sets: [10], becomes: [12] },
  { what: 'one set shrinks', from: 10, to: 5, sets: [10], becomes: [5] },
  { what: 'two sets grow by their parts', from: 5, to: 10, sets: [2, 3], becomes: [4, 6] },
  { what: 'two sets shrink by their parts', from: 5, to: 3, sets: [2, 3], becomes: [1, 2] },
  { what: 'a small part comes to nothing', from: 9, to: 4, sets: [8, 1], becomes: [4, 0] },
  { what: 'three sets grow by their parts', from: 7, to: 10, sets: [2, 3, 2], becomes: [3, 4, 3] },
  { what: 'three sets shrink by their parts', from: 13, to: 8, sets: [2, 8, 3], becomes: [1, 5, 2] },
  { what: 'of equals the newest grows', from: 3, to: 4, sets: [1, 1, 1], becomes: [2, 1, 1] },
  { what: 'of equals the oldest shrinks', from: 3, to: 2, sets: [1, 1, 1], becomes: [1, 1, 0] },
  { what: 'old sets share while there is no new one', from: 4, to: 5, sets: [undefined, 2, 2], becomes: [3, 2] },
  { what: 'all sets come to nothing', from: 6, to: 0, sets: [3, 2, 1], becomes: [0, 0, 0] },
  { what: 'the new set alone comes back from nothing', from: 6, to: 6, sets: [0, 0, 0], becomes: [6, 0, 0] },
  { what: 'the surge is shared too', from: 10, to: 20, sets: [6, 6], becomes: [11, 11], surge: { before: 2, now: 2 } },
  { what: 'surge and size change', from: 10, to: 50, sets: [5, 8], becomes: [22, 34], surge: { before: 3, now: 6 } },
  { what: 'size and template change', from: 10, to: 14, sets: [undefined, 7, 3], becomes: [10, 4] },
  {
    what: 'a full new set whose pods do not run leaves the old pods',
    ...{ from: 2, to: 2, sets: [2, 1], becomes: [2, 1], surge: { before: 1, now: 1 }, available: 0, unavailable: 1 },
  },
];

describe('a Deployment of several sets is scaled', () => {
  test.each(SCALINGS)('$what: $from to $to', ({ from, to, sets, becomes, surge, available, unavailable }) => {
    const told = {
      'deployment.kubernetes.io/desired-replicas': String(from),
      'deployment.kubernetes.io/max-replicas': String(from + (surge?.before ?? 0)),
    };
    const built = sets.map((size, age) =>
      size === undefined
        ? undefined
        : buildReplicaSet({
            name: `set-${age}`,
            replicas: size,
            available: age === 0 ? available : undefined,
            annotations: told,
            created: `2016-05-20T0${5 - age}:00:00Z`,
          }),
    );
    const deployment = buildDeployment({ replicas: to, maxSurge: surge?.now ?? 0, maxUnavailable: unavailable ?? 0 });
    const [newSet, ...oldSets] = built as [ReplicaSet | undefined, ...ReplicaSet[]];
    const { resizes } = planScaling(deployment, newSet, oldSets);
    const sizeOf = (set: ReplicaSet) => resizes.find((resize) => resize.set === set)?.replicas ?? set.spec.replicas;
    assert.deepEqual((built.filter((set) => set) as ReplicaSet[]).map(sizeOf), becomes);
  });
});

/** The part that one of two sets gets: the other one is as large as all others together would be. */
describe('the part of a set', () => {
  interface Part {
    what: string;
    replicas: number;
    size: number;
    surge?: number;
    told?: string;
    counted?: number;
    change: number;
  }
  const PARTS: Part[] = [
    { what: 'all, when the Deployment is to have none', replicas: 0, size: 10, change: -10 },
    { what: 'none, when nobody knows the former size', replicas: 10, size: 5, change: 0 },
    { what: 'none, when the former size is said to be 0', replicas: 10, size: 5, told: '0', change: 0 },
    {
      what: 'of what the status counts, when no annotation says it',
      replicas: 120,
      size: 50,
      counted: 100,
      change: 10,
    },
    { what: 'of what the status counts, instead of 0', replicas: 120, size: 50, counted: 100, told: '0', change: 10 },
    {
      what: 'of the status, when the annotation is too large',
      replicas: 120,
      size: 50,
      counted: 100,
      told: '2147483648',
      change: 10,
    },
    { what: 'a fifth', replicas: 120, size: 50, told: '100', change: 10 },
    { what: 'about a fifth with a surge', replicas: 120, size: 50, surge: 10, told: '110', change: 9 },
    { what: 'a sixth less', replicas: 10, size: 6, told: '12', change: -1 },
    { what: 'about a sixth less with a surge', replicas: 100, size: 50, surge: 10, told: '130', change: -8 },
  ];
  test.each(PARTS)('is $what', ({ replicas, size, surge = 0, told, counted, change }) => {
    const annotations: Record<string, string> = { 'deployment.kubernetes.io/desired-replicas': '1' };
    if (told) annotations['deployment.kubernetes.io/max-replicas'] = told;
    // The larger set comes first and takes what is left over; this one is asked second.
    const larger = buildReplicaSet({
      name: 'larger',
      replicas: 1000,
      annotations: { ...annotations, 'deployment.kubernetes.io/max-replicas': String(replicas + surge) },
    });
    const asked = buildReplicaSet({ name: 'asked', replicas: size, annotations });
    const deployment = buildDeployment({ replicas, maxSurge: surge, maxUnavailable: 1, status: { replicas: counted } });
    // The direction is that of the change: the sum of all sets is above or below what is allowed.
    const grows = change > 0;
    const other = grows ? { ...larger, spec: { ...larger.spec, replicas: size } } : larger;
    const { resizes } = planScaling(deployment, asked, [other]);
    const result = resizes.find(({ set }) => set === asked)!;
    assert.equal(result.replicas - size, change);
  });
});

describe('a rolling update', () => {
  const step = (deployment: Deployment, created: Sizes, old: Sizes) => {
    const newSet = buildReplicaSet({ name: 'new', replicas: created[0], available: created[1] });
    const oldSet = buildReplicaSet({ name: 'old', replicas: old[0], available: old[1] });
    const [resize] = planRollingUpdate(deployment, newSet, [oldSet]);
    return resize && `${resize.set.metadata.name} ${resize.replicas}`;
  };

  test.each([
    { surge: 0, old: 10, size: 0, becomes: undefined },
    { surge: 2, old: 10, size: 0, becomes: 'new 2' },
    { surge: 2, old: 5, size: 0, becomes: 'new 7' },
    { surge: 2, old: 10, size: 2, becomes: undefined },
    { surge: 2, old: 2, size: 11, becomes: 'new 10' },
  ])('of ten pods with surge $surge, $old old and $size new ones: $becomes', ({ surge, old, size, becomes }) => {
    // No old pod is available, so that none is given up for one that does not run yet.
    const deployment = buildDeployment({ replicas: 10, maxSurge: surge, maxUnavailable: 0 });
    const made = step(deployment, [size, 0], [old, old]);
    assert.equal(made?.startsWith('new') ? made : undefined, becomes);
  });

  test.each([
    {
      what: 'one, as a roll-out could not begin otherwise',
      unavailable: 0,
      old: [10, 10],
      created: [0, 0],
      becomes: 'old 9',
    },
    { what: 'two that may be missing', unavailable: 2, old: [10, 10], created: [0, 0], becomes: 'old 8' },
    { what: 'two that are missing', unavailable: 2, old: [10, 8], created: [0, 0], becomes: 'old 8' },
    { what: 'one that is missing, and one more', unavailable: 2, old: [10, 9], created: [0, 0], becomes: 'old 8' },
    { what: 'new pods that do not run', unavailable: 2, old: [8, 8], created: [2, 0], becomes: undefined },
    { what: 'only one that runs', unavailable: 2, old: [10, 1], created: [0, 0], becomes: 'old 8' },
  ])('gives up old pods: $what', ({ unavailable, old, created, becomes }) => {
    const deployment = buildDeployment({ replicas: 10, maxSurge: 0, maxUnavailable: unavailable });
    assert.equal(step(deployment, created, old), becomes);
  });

  it('stops at a set whose status is behind, and keeps what it did before', () => {
    const deployment = buildDeployment({ replicas: 10, maxSurge: 10, maxUnavailable: 2 });
    const set = (name: string, replicas: number, available: number, day: number) =>
      buildReplicaSet({ name, replicas, available, created: `2029-01-0${day}T00:00:00Z` });
    const newSet = set('new', 10, 10, 9);
    const plan = planRollingUpdate(deployment, newSet, [set('a', 3, 1, 1), set('b', 2, 4, 2), set('c', 3, 0, 3)]);
    assert.deepEqual(
      plan.map(({ set: { metadata }, replicas }) => [metadata.name, replicas]),
      [['a', 1]],
    );
  });

  test.each([
    ['cannot grow', 1, 5, 1, 5, 'RollingUpdate'],
    ['grows to the size of the Deployment', 6, 2, 10, 6, 'RollingUpdate'],
    ['is as large as the Deployment at once', 3, 1, 1, 3, 'Recreate'],
  ] as const)('the new set beside five old pods %s', (_, replicas, size, maxSurge, expected, strategy) => {
    const deployment = buildDeployment({ replicas, maxSurge, maxUnavailable: 1, strategy });
    assert.equal(newSetSize(deployment, size, size + 5), expected);
  });

  test.each([
    [10, 5, 5],
    [10, 10, 10],
    [5, 10, 5],
    [0, 10, 0],
    [10, '50%', 5],
    [10, '100%', 10],
    [5, '100%', 5],
  ])('of %s pods, of which %s may be missing, can miss %s', (replicas, unavailable, expected) => {
    assert.equal(maxUnavailable(buildDeployment({ replicas, maxSurge: 1, maxUnavailable: unavailable })), expected);
  });

  it('of the strategy Recreate misses none', () => {
    assert.equal(maxUnavailable(buildDeployment({ replicas: 10, strategy: 'Recreate' })), 0);
  });
});
