import assert from 'node:assert/strict';
import type { Deployment, ReplicaSet } from '#kinds';
import { newSetAnnotations } from './deployment.revisions.js';

test('a set has its Deployment’s annotations, but for those of one object alone', () => {
  const annotations = {
    team: 'web',
    'berth.io/restart-on-config-change': 'true',
    'berth.io/observed-config': 'configmap/c=0123456789abcdef',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
  };
  const deployment = { metadata: { name: 'd', annotations } } as unknown as Deployment;
  assert.deepEqual(newSetAnnotations(deployment, { metadata: {} } as ReplicaSet, 3n), {
    team: 'web',
    'berth.io/restart-on-config-change': 'true',
    'deployment.kubernetes.io/revision': '3',
  });
});
