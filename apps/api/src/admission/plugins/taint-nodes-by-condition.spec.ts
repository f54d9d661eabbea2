import assert from 'node:assert/strict';
import { chain, request, run } from '../testing/admission-requests.js';

describe('TaintNodesByCondition', () => {
  it('taints a new node once', async () => {
    const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
    for (const spec of [undefined, { taints: [taint] }]) {
      const node = await run(chain(), request('CREATE', 'nodes', { spec }, { namespace: '' }));
      assert.deepEqual(node.spec.taints, [taint]);
    }
  });
});
