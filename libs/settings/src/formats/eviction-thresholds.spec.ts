import assert from 'node:assert/strict';
import { DEFAULT_THRESHOLDS, parseThresholds } from './eviction-thresholds.js';

describe('Thresholds as a flag has them', () => {
  test('amounts and shares', () => {
    assert.deepEqual(parseThresholds('memory.available<100Mi, nodefs.inodesFree<5%'), [
      { signal: 'memory.available', limit: { amount: 100 * 2 ** 20 } },
      { signal: 'nodefs.inodesFree', limit: { share: 0.05 } },
    ]);
    assert.equal(parseThresholds(DEFAULT_THRESHOLDS).length, 5);
    assert.deepEqual(parseThresholds(''), []);
  });

  test('the last of a signal counts; 0% and 100% switch it off', () => {
    assert.deepEqual(parseThresholds('pid.available<5%,pid.available<10'), [
      { signal: 'pid.available', limit: { amount: 10 } },
    ]);
    assert.deepEqual(parseThresholds('pid.available<5%,pid.available<0%,nodefs.available<100%'), []);
  });

  const bad: [text: string, message: string][] = [
    ['memory<1Gi', 'unsupported eviction signal memory'],
    ['memory.available', 'memory.available: malformed, expected signal<value'],
    ['memory.available<1<2', 'memory.available<1<2: malformed, expected signal<value'],
    ['memory.available<0', 'eviction threshold memory.available must be positive: 0'],
    ['memory.available<-5%', 'eviction percentage threshold memory.available must be >= 0%: -5%'],
    ['memory.available<105%', 'eviction percentage threshold memory.available must be <= 100%: 105%'],
    ['memory.available<x%', 'memory.available: x% is no percentage'],
    [
      'memory.available<1XB',
      "memory.available: 1XB: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ];
  for (const [text, message] of bad)
    test(`${text} is told`, () => assert.throws(() => parseThresholds(text), { message }));
});
