import assert from 'node:assert/strict';
import { parseThresholds } from '#settings';
import { requiredAmount, reserved } from './thresholds.js';

describe('Thresholds of a node', () => {
  test('what they keep from pods', () => {
    const [share, amount] = parseThresholds('nodefs.available<10%,memory.available<1Ki');
    assert.deepEqual([requiredAmount(share!, 1005), requiredAmount(amount!, 1005)], [100, 1024]);
    assert.equal(reserved([share!], 'nodefs.available', 1000), 100);
    assert.equal(reserved([share!], 'memory.available', 1000), 0);
  });
});
