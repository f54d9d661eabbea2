import assert from 'node:assert/strict';
import type { Pod, ResourceList } from '../pod/pod.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { podsToPreempt } from './preemption.js';

const critical = { priority: 2_000_000_000 };
const named = (name: string, requests: ResourceList, rest: { limits?: ResourceList; priority?: number } = {}): Pod => {
  const { limits, ...spec } = rest;
  const container = aContainer('main', { resources: { requests, ...(limits ? { limits } : {}) } });
  return aPod({ containers: [container], ...spec }, {}, { name, uid: name });
};
const guaranteed = (name: string, cpu: string): Pod =>
  named(name, { cpu, memory: '1Mi' }, { limits: { cpu, memory: '1Mi' } });
const cpuLack = (amount: number) => [{ resource: 'cpu', requested: amount, used: 2000, capacity: 2000 }];
const names = (pods: Pod[] | undefined) => pods?.map(({ metadata }) => metadata.name);

describe('Who goes for a critical pod', () => {
  const pod = aPod(critical);

  test('as few as possible, the closest in size', () => {
    const others = [named('small', { cpu: '200m' }), named('large', { cpu: '1500m' }), named('right', { cpu: '800m' })];
    assert.deepEqual(names(podsToPreempt(pod, others, cpuLack(700))), ['right']);
    assert.deepEqual(names(podsToPreempt(pod, others, cpuLack(1700))), ['large', 'small']);
  });

  test('guaranteed pods only when the others are not enough', () => {
    const others = [guaranteed('good', '500m'), named('burst', { cpu: '500m' }), named('best', {})];
    assert.deepEqual(names(podsToPreempt(pod, others, cpuLack(400))), ['burst']);
    assert.deepEqual(names(podsToPreempt(pod, others, cpuLack(900))), ['burst', 'good']);
  });

  test('any pod makes room for one more', () => {
    const lacking = [{ resource: 'pods', requested: 1, used: 2, capacity: 2 }];
    assert.deepEqual(names(podsToPreempt(pod, [guaranteed('good', '1'), named('best', {})], lacking)), ['best']);
  });

  test('nobody of the same rank', () => {
    assert.equal(podsToPreempt(pod, [named('peer', { cpu: '2' }, critical)], cpuLack(100)), undefined);
  });

  test('nobody at all when all together are too little', () => {
    assert.equal(podsToPreempt(pod, [named('small', { cpu: '100m' })], cpuLack(200)), undefined);
  });
});
