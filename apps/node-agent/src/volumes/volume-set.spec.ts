import assert from 'node:assert/strict';
import type { Volume } from '#kinds';
import { readOnlyVolumes } from './volume-set.js';

const source = (name: string, type: string): Volume => ({ name, [type]: {} });

test('containers may only read what the agent writes: kubelet mounts the same types read-only', () => {
  const volumes = ['configMap', 'secret', 'downwardAPI', 'projected', 'image', 'emptyDir', 'hostPath'];
  const readOnly = readOnlyVolumes([...volumes.map((type) => source(type, type)), { name: 'no source' }]);
  assert.deepEqual([...readOnly], ['configMap', 'secret', 'downwardAPI', 'projected', 'image']);
});
