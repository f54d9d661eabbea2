import assert from 'node:assert/strict';
import type { Pod, StatefulSet } from '#kinds';
import { buildPod } from '#testing';
import { planStatefulSet, type StatefulWorld, statefulStatus } from './stateful-set.plan.js';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const set = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default', uid: 'set', generation: 2 },
  spec: { serviceName: 'db', replicas: 3, selector: { matchLabels: { app: 'db' } }, template: { spec: {} } },
} as unknown as StatefulSet;

/** The set with pods of these revisions by ordinal; undefined: no such pod. All are ready unless `unready` names them. */
function world(revisions: (string | undefined)[], unready: number[] = []): StatefulWorld {
  const pods = new Map<number, Pod>();
  revisions.forEach((revision, ordinal) => {
    if (revision === undefined) return;
    const readySince = unready.includes(ordinal) ? undefined : '2029-12-31T00:00:00Z';
    const labels = { 'controller-revision-hash': revision };
    pods.set(ordinal, buildPod({ name: `db-${ordinal}`, labels, readySince }));
  });
  return { set, pods, current: 'old', update: 'new', now: NOW };
}

describe('the revision of a StatefulSet', () => {
  const cases: [string, StatefulWorld, string][] = [
    ['stays while a pod has the old one', world(['old', 'new', 'new']), 'old'],
    ['stays while a pod is missing, though all others have the new one', world([undefined, 'new', 'new']), 'old'],
    ['stays while an updated pod is not ready', world(['new', 'new', 'new'], [0]), 'old'],
    ['is the new one once all pods have it and are ready', world(['new', 'new', 'new']), 'new'],
  ];
  for (const [name, state, expected] of cases) {
    it(name, () => {
      const status = statefulStatus(state);
      assert.equal(status.currentRevision, expected);
      assert.equal(status.updateRevision, 'new');
    });
  }
});

describe('the next step of a StatefulSet', () => {
  const step = (state: StatefulWorld) => {
    const { create, remove } = planStatefulSet(state);
    return [create.map(({ ordinal, revision }) => `${ordinal} ${revision}`), remove.map((pod) => pod.metadata.name)];
  };

  it('makes what is missing at the new revision, before anything else', () => {
    assert.deepEqual(step(world([undefined, 'old', 'old'])), [['0 new'], []]);
  });

  it('replaces the last old pod when all are well', () => {
    assert.deepEqual(step(world(['old', 'old', 'new'])), [[], ['db-1']]);
  });

  it('waits for an updated pod to be ready', () => {
    assert.deepEqual(step(world(['old', 'old', 'new'], [2])), [[], []]);
  });
});
