import assert from 'node:assert/strict';
import type { ReplicaSet } from '#kinds';
import { buildDeployment, buildReplicaSet } from '#testing';
import {
  buildNewSet,
  newSetAnnotations,
  nextRevision,
  REVISION,
  revisionOf,
  splitRevisions,
} from './deployment.revisions.js';
import { planHistoryCleanup } from './deployment.sizing.js';

/** The cases of the reference's own tests of revisions and of the history that is kept. */

const removed = (limit: number | undefined, sets: ReplicaSet[]) =>
  planHistoryCleanup(buildDeployment({ spec: { revisionHistoryLimit: limit } }), sets, revisionOf)
    .map(({ metadata }) => metadata.name)
    .sort();

describe('of the history', () => {
  const set = (name: string, size: number, counted: number) =>
    buildReplicaSet({ name, replicas: size, status: { replicas: counted } });
  const leaving = set('1', 0, 0);
  leaving.metadata.deletionTimestamp = '2029-12-31T00:00:00Z';
  test.each([
    ['all beyond the limit go', 1, [set('1', 0, 0), set('2', 0, 0), set('3', 0, 0)], ['1', '2']],
    ['only empty sets go', 0, [set('1', 0, 0), set('2', 0, 1), set('3', 1, 0), set('4', 1, 1)], ['1']],
    ['all go without a history', 0, [set('1', 0, 0), set('2', 0, 0)], ['1', '2']],
    ['sets with pods stay', 0, [set('1', 1, 1), set('2', 1, 1)], []],
    ['what is deleted already is let be', 0, [leaving], []],
    ['all stay without a limit', 2 ** 31 - 1, [set('1', 0, 0), set('2', 0, 0), set('3', 0, 0)], []],
    ['all stay when no limit is given', undefined, [set('1', 0, 0)], []],
  ] as [string, number | undefined, ReplicaSet[], string[]][])('%s', (_, limit, sets, expected) => {
    assert.deepEqual(removed(limit, sets), expected);
  });
});

describe('the history goes by revision', () => {
  type Spec = [name: string, revision: string | undefined, replicas?: number];
  test.each([
    [
      'the lowest first',
      1,
      [
        ['1', '1'],
        ['2', '2'],
      ],
      ['1'],
    ],
    [
      'whatever its age',
      1,
      [
        ['1', '2'],
        ['2', '1'],
      ],
      ['2'],
    ],
    [
      'none is lower than any',
      1,
      [
        ['1', '1'],
        ['2', undefined],
      ],
      ['2'],
    ],
    [
      'none is lower than any, also of the oldest',
      1,
      [
        ['1', undefined],
        ['2', '2'],
      ],
      ['1'],
    ],
    [
      'one with pods is passed over',
      1,
      [
        ['1', '1', 1],
        ['2', '2'],
        ['3', '3'],
      ],
      ['2'],
    ],
    [
      'nothing goes in place of those with pods',
      1,
      [
        ['1', '1', 1],
        ['2', '2', 1],
        ['3', '3'],
      ],
      [],
    ],
    [
      'two of four',
      2,
      [
        ['1', '3'],
        ['2', '1'],
        ['3', '4'],
        ['4', '2'],
      ],
      ['2', '4'],
    ],
    [
      'age decides where a revision is no number',
      1,
      [
        ['1', 'junk'],
        ['2', '1'],
      ],
      ['1'],
    ],
  ] as [string, number, Spec[], string[]][])('%s', (_, limit, specs, expected) => {
    const sets = specs.map(([name, revision, replicas = 0]) =>
      buildReplicaSet({
        name,
        replicas,
        created: `2029-01-0${name}T00:00:00Z`,
        annotations: revision === undefined ? {} : { [REVISION]: revision },
      }),
    );
    assert.deepEqual(removed(limit, sets), expected);
  });
});

describe('the new set', () => {
  const deployment = buildDeployment({ image: 'v2' });
  const set = (name: string, image: string, day: number) =>
    buildReplicaSet({ name, image, labels: {}, created: `2029-01-0${day}T00:00:00Z` });
  const [newer, older, old] = [set('newer', 'v2', 3), set('older', 'v2', 2), set('old', 'v1', 1)] as const;
  test.each([
    ['has the template of the Deployment', [newer, old], newer, [old]],
    ['is the oldest of those that have it', [newer, old, older], older, [old, newer]],
    ['is not there', [old], undefined, [old]],
    ['is the only one', [newer], newer, []],
  ] as [string, ReplicaSet[], ReplicaSet | undefined, ReplicaSet[]][])('%s', (_, sets, expected, others) => {
    const { newSet, oldSets } = splitRevisions(deployment, sets);
    assert.equal(newSet, expected);
    assert.deepEqual(oldSets, others);
  });

  test.each([
    [13, 13],
    [250, 242],
    [242, 242],
  ])('of a Deployment whose name has %s characters has %s of them', (length, kept) => {
    const long = buildDeployment();
    long.metadata.name = 'a'.repeat(length);
    const [, base, hash] = /^(a+)-([a-z0-9]+)$/.exec(buildNewSet(long, 1n, 0).metadata.name!)!;
    assert.ok(base!.length + 1 + hash!.length <= 253);
    // The hash has ten characters at most; a shorter one leaves more of the name.
    assert.equal(base!.length, Math.min(length, kept + 10 - hash!.length));
  });

  test.each([
    ['none', undefined, '2', undefined],
    ['an empty text', '', '2', ''],
    ['a lower one', '1', '2', '1'],
    ['a higher one', '5', '5', undefined],
    ['no number', 'first', 'first', undefined],
    ['a number of more than 64 bits', '9223372036854775808', '9223372036854775808', undefined],
  ])('that had %s as its revision', (_, before, after, history) => {
    const annotations: Record<string, string> = before === undefined ? {} : { [REVISION]: before };
    const result = newSetAnnotations(buildDeployment(), buildReplicaSet({ annotations }), 2n);
    assert.equal(result[REVISION], after);
    assert.equal(result['deployment.kubernetes.io/revision-history'], history);
  });

  it('counts from the highest revision that is a number', () => {
    const of = (revision: string) => buildReplicaSet({ annotations: { [REVISION]: revision } });
    assert.equal(nextRevision([of('3'), of('junk'), of('-7'), of('9223372036854775808')]), 4n);
  });
});
