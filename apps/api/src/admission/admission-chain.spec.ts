import assert from 'node:assert/strict';
import { OrderedPlugins } from './admission-chain.js';
import { request } from './testing/admission-requests.js';

describe('OrderedPlugins', () => {
  it('runs in order, also across one that waits, and stays synchronous without', async () => {
    const seen: string[] = [];
    const plugin = (name: string, waits: boolean) => ({
      name,
      handles: () => true,
      admit: () =>
        waits
          ? new Promise<void>((done) =>
              setImmediate(() => {
                seen.push(name);
                done();
              }),
            )
          : void seen.push(name),
    });
    const asked = request('CREATE', 'configmaps', {});
    await new OrderedPlugins([plugin('a', false), plugin('b', true), plugin('c', false)]).admit(asked);
    assert.deepEqual(seen, ['a', 'b', 'c']);
    assert.equal(new OrderedPlugins([plugin('d', false)]).admit(asked), undefined);
  });
});
