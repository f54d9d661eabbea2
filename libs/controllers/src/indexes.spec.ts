import assert from 'node:assert/strict';
import type { KubeObject, LabelSelector } from '#apimachinery';
import { type Informer, SharedInformers, silentLogger } from '#client';
import { gvr } from '#kinds';
import { buildPod, FakeClock, MemoryClient } from '#testing';
import { claimable, controlledBy, equalitySelector, selectedBy, selecting } from './indexes.js';

const THINGS = { group: 'test', version: 'v1', resource: 'things' };

interface Thing extends KubeObject {
  selector?: LabelSelector;
}

const thing = (name: string, selector: LabelSelector | undefined, namespace = 'default'): Thing => ({
  apiVersion: 'test/v1',
  kind: 'Thing',
  metadata: { namespace, name },
  selector,
});

async function informerOf<T extends KubeObject>(resource: typeof THINGS, objects: readonly T[]): Promise<Informer<T>> {
  const client = new MemoryClient();
  for (const object of objects) client.put(resource, object);
  const informers = new SharedInformers(client, { clock: new FakeClock(), logger: silentLogger });
  const informer = informers.for<T>(resource);
  void informer.run(new AbortController().signal);
  await informer.whenSynced();
  return informer;
}

const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name).sort();

const SELECTORS: [string, LabelSelector, string[]][] = [
  ['one pair', { matchLabels: { app: 'web' } }, ['a', 'b']],
  ['several pairs', { matchLabels: { app: 'web', tier: 'front' } }, ['a']],
  ['a set of values', { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] }, ['a', 'b', 'c']],
  ['a set of one', { matchExpressions: [{ key: 'app', operator: 'In', values: ['db'] }] }, ['c']],
  ['presence', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, ['a']],
  ['nothing asked', {}, ['a', 'b', 'c', 'owned']],
  ['unreadable', { matchExpressions: [{ key: 'app', operator: 'Near' }] }, []],
  ['a value that nobody has', { matchLabels: { app: 'none' } }, []],
];

describe('selectedBy', () => {
  for (const [what, selector, expected] of SELECTORS) {
    it(`finds the objects of the namespace: ${what}`, async () => {
      const pods = await informerOf(gvr.pods, [
        buildPod({ name: 'a', labels: { app: 'web', tier: 'front' } }),
        buildPod({ name: 'b', labels: { app: 'web' } }),
        buildPod({ name: 'c', labels: { app: 'db' } }),
        buildPod({ name: 'owned', owner: { uid: 'o' } }),
        buildPod({ name: 'elsewhere', namespace: 'other', labels: { app: 'web', tier: 'front' } }),
      ]);
      assert.deepEqual(names(selectedBy(pods, 'default', selector)), expected);
    });
  }

  it('chooses nothing without a selector', async () => {
    assert.deepEqual(selectedBy(await informerOf(gvr.pods, [buildPod()]), 'default', undefined), []);
  });
});

describe('selecting', () => {
  const selectorOf = ({ selector }: Thing) => selector;
  const owners = () =>
    informerOf(THINGS, [
      ...SELECTORS.map(([what, selector]) => thing(what, selector)),
      thing('no selector', undefined),
      thing('elsewhere', { matchLabels: { app: 'web' } }, 'other'),
    ]);
  for (const [pod, labels] of [
    ['a', { app: 'web', tier: 'front' }],
    ['c', { app: 'db' }],
    ['owned', undefined],
  ] as const) {
    it(`finds the owners whose selectors choose ${JSON.stringify(labels)}`, async () => {
      const found = selecting(await owners(), selectorOf, buildPod({ labels }));
      const expected = SELECTORS.filter(([, , chosen]) => chosen.includes(pod)).map(([what]) => what);
      assert.deepEqual(names(found), expected.sort());
    });
  }
});

describe('claimable', () => {
  it('gives what the owner controls, and what it selects and nobody controls', async () => {
    const owner = thing('owner', { matchLabels: { app: 'web' } });
    owner.metadata.uid = 'o';
    const pods = await informerOf(gvr.pods, [
      buildPod({ name: 'mine', labels: { app: 'other' }, owner: { uid: 'o' } }),
      buildPod({ name: 'orphan', labels: { app: 'web' } }),
      buildPod({ name: 'stranger' }),
      buildPod({ name: 'theirs', labels: { app: 'web' }, owner: { uid: 'p' } }),
    ]);
    assert.deepEqual(names(claimable(pods, owner, owner.selector)), ['mine', 'orphan']);
    assert.deepEqual(names(controlledBy(pods, 'p')), ['theirs']);
  });
});

describe('equalitySelector', () => {
  it('is one object for one map, so that it is parsed once', () => {
    const labels = { app: 'web' };
    assert.equal(equalitySelector(labels), equalitySelector(labels));
    assert.deepEqual(equalitySelector(labels), { matchLabels: labels });
    assert.equal(equalitySelector(undefined), undefined);
  });
});
