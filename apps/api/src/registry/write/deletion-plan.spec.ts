import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { planDeletion } from './deletion-plan.js';

const NOW = new Date('2030-01-01T00:00:00Z');
const PLAIN = { defaultPropagation: 'Background' as const };
const GRACEFUL = { ...PLAIN, gracePeriodSeconds: (_: KubeObject, requested = 30) => requested };

function object(metadata: object = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x', generation: 1, ...metadata } };
}

describe('what a deletion makes of an object', () => {
  test('without finalizers and grace it goes', () => {
    assert.equal(planDeletion(object(), { dryRun: false }, {}, PLAIN, NOW), 'remove');
  });

  test('finalizers hold it, marked and with a new generation', () => {
    const held = object({ finalizers: ['a/b'] });
    assert.equal(planDeletion(held, { dryRun: false }, {}, PLAIN, NOW), 'mark');
    assert.equal(held.metadata.deletionTimestamp, '2030-01-01T00:00:00Z');
    assert.equal(held.metadata.deletionGracePeriodSeconds, 0);
    assert.equal(held.metadata.generation, 2);
  });

  test('a propagation policy is a finalizer for the garbage collector', () => {
    const foreground = object();
    const options = { dryRun: false, propagationPolicy: 'Foreground' as const };
    assert.equal(planDeletion(foreground, options, {}, PLAIN, NOW), 'mark');
    assert.deepEqual(foreground.metadata.finalizers, ['foregroundDeletion']);
    const orphan = object({ finalizers: ['foregroundDeletion'] });
    planDeletion(orphan, { dryRun: false, orphanDependents: true }, {}, PLAIN, NOW);
    assert.deepEqual(orphan.metadata.finalizers, ['orphan']);
    const uncollected = object();
    assert.equal(planDeletion(uncollected, options, { uncollected: true }, PLAIN, NOW), 'remove');
  });

  test('grace can be shortened and never lengthened', () => {
    const pod = object();
    assert.equal(planDeletion(pod, { dryRun: false }, {}, GRACEFUL, NOW), 'mark');
    assert.equal(pod.metadata.deletionTimestamp, '2030-01-01T00:00:30Z');
    assert.equal(planDeletion(pod, { dryRun: false, gracePeriodSeconds: 60 }, {}, GRACEFUL, NOW), 'nothing');
    assert.equal(planDeletion(pod, { dryRun: false, gracePeriodSeconds: 10 }, {}, GRACEFUL, NOW), 'mark');
    assert.equal(pod.metadata.deletionTimestamp, '2030-01-01T00:00:10Z');
    const later = new Date('2030-01-01T00:01:00Z');
    assert.equal(planDeletion(pod, { dryRun: false, gracePeriodSeconds: 5 }, {}, GRACEFUL, later), 'mark');
    assert.equal(pod.metadata.deletionGracePeriodSeconds, 1);
    assert.equal(planDeletion(pod, { dryRun: false, gracePeriodSeconds: 0 }, {}, GRACEFUL, later), 'remove');
  });

  test('the kind decides what becomes of the grace that was asked for', () => {
    const impatient = { ...PLAIN, gracePeriodSeconds: (_: KubeObject, requested = 0) => requested };
    const pod = object();
    assert.equal(planDeletion(pod, { dryRun: false, gracePeriodSeconds: 60 }, {}, impatient, NOW), 'mark');
    assert.equal(pod.metadata.deletionGracePeriodSeconds, 60);
    const never = { ...PLAIN, gracePeriodSeconds: () => 0 };
    assert.equal(planDeletion(object(), { dryRun: false, gracePeriodSeconds: 60 }, {}, never, NOW), 'remove');
  });

  test('a negative grace counts as one second', () => {
    const pod = object();
    planDeletion(pod, { dryRun: false, gracePeriodSeconds: -1 }, {}, GRACEFUL, NOW);
    assert.equal(pod.metadata.deletionGracePeriodSeconds, 1);
  });
});
