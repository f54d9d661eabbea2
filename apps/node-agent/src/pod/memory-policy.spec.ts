import assert from 'node:assert/strict';
import { LEGACY, UNIFIED } from '../testing/memory-policies.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { containerMemory, type MemoryPolicy, podMemory } from './memory-policy.js';
import { containerResources } from './resources.js';

const MiB = 1 << 20;
type Amounts = { memory?: string; cpu?: string };

function files(requests: Amounts, limits: Amounts, policy: Partial<MemoryPolicy> = {}, spec: object = {}) {
  const container = aContainer('a', { resources: { requests, limits } as never });
  return containerMemory(aPod({ containers: [container], ...spec }), container, { ...UNIFIED, ...policy });
}

const DEFAULTS = { 'memory.oom.group': '1', 'memory.swap.max': '0', 'memory.min': '0', 'memory.low': '0' };
const { 'memory.swap.max': _, ...WITHOUT_SWAP } = DEFAULTS;
const guaranteed = { memory: '100Mi', cpu: '1' };

test('v1 has none of the files; its swap limit is that of memory', () => {
  const container = aContainer('a', { resources: { limits: { memory: '100Mi' } } as never });
  const pod = aPod({ containers: [container] });
  const of = (memoryPolicy: MemoryPolicy) =>
    containerResources(pod, container, { memoryCapacity: 1, minimumOomScore: 0, memoryPolicy });
  assert.equal(of(LEGACY).memorySwapLimitInBytes, 100 * MiB);
  assert.equal(of(LEGACY).unified, undefined);
  assert.equal(of({ ...LEGACY, swapController: false }).memorySwapLimitInBytes, undefined);
  assert.equal(of(UNIFIED).memorySwapLimitInBytes, undefined);
  assert.deepEqual(of(UNIFIED).unified, DEFAULTS);
});

test('swap, reservations and throttling of a container, as files of the unified hierarchy', () => {
  const limited = { swap: 'LimitedSwap' } as const;
  const tiered = { reservation: 'TieredReservation' } as const;
  const half = { throttlingFactor: 0.5 };
  const rows: [string, ReturnType<typeof files>, Record<string, string>][] = [
    ['defaults', files({ memory: '100Mi' }, {}), DEFAULTS],
    ['no controller of swap', files({}, {}, { swapController: false }), WITHOUT_SWAP],
    [
      'swap in proportion to the request',
      files({ memory: '100Mi' }, {}, limited),
      { ...DEFAULTS, 'memory.swap.max': String(10 * MiB) },
    ],
    ['no swap without a request', files({ cpu: '1' }, {}, limited), DEFAULTS],
    ['no swap where the request is the limit', files({ memory: '100Mi' }, { memory: '100Mi' }, limited), DEFAULTS],
    ['no swap for a guaranteed pod', files(guaranteed, guaranteed, limited), DEFAULTS],
    ['no swap for a critical pod', files({ memory: '100Mi' }, {}, limited, { priority: 2_000_000_000 }), DEFAULTS],
    [
      'a burstable pod is protected softly',
      files({ memory: '100Mi' }, {}, tiered),
      { 'memory.oom.group': '1', 'memory.swap.max': '0', 'memory.low': String(100 * MiB) },
    ],
    [
      'a guaranteed pod is protected hard',
      files(guaranteed, guaranteed, tiered),
      { 'memory.oom.group': '1', 'memory.swap.max': '0', 'memory.min': String(100 * MiB) },
    ],
    [
      'throttled between request and limit',
      files({ memory: '100Mi' }, { memory: '300Mi' }, half),
      { ...DEFAULTS, 'memory.high': String(200 * MiB) },
    ],
    [
      'throttled between request and what the node has',
      files({ memory: '100Mi' }, {}, half),
      { ...DEFAULTS, 'memory.high': String(450 * MiB) },
    ],
    ['never throttled at the limit', files(guaranteed, guaranteed, half), DEFAULTS],
    ["throttled by the pod's cgroup", files({}, {}, half, { resources: { limits: { memory: '1Gi' } } }), DEFAULTS],
  ];
  for (const [name, found, expected] of rows) assert.deepEqual(found, expected, name);
});

test("the pod's cgroup reserves what its containers ask for, and throttles by limits of the pod", () => {
  const pod = (spec: object, requests: Amounts = { memory: '100Mi' }) =>
    aPod({ containers: [aContainer('a', { resources: { requests } as never })], ...spec });
  const tiered: MemoryPolicy = { ...UNIFIED, reservation: 'TieredReservation' };
  const own = { resources: { requests: { memory: '100Mi' }, limits: { memory: '300Mi' } } };
  assert.deepEqual(podMemory(pod({}), tiered), { memoryLow: 100 * MiB });
  assert.deepEqual(podMemory(pod({}), { ...tiered, unified: false }), {});
  assert.deepEqual(podMemory(pod({}, {}), tiered), {});
  assert.deepEqual(podMemory(pod(own), { ...UNIFIED, throttlingFactor: 0.5 }), { memoryHigh: 200 * MiB });
  assert.deepEqual(podMemory(pod({}), { ...UNIFIED, throttlingFactor: 0.5 }), {});
});
