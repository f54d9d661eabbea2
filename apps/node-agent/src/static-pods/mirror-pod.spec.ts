import assert from 'node:assert/strict';
import type { Pod } from '../pod/pod.js';
import { isCritical, isMirror, isStatic, SourceAnnotation } from '../pod/pod-source.js';
import { aPod } from '../testing/pod-builders.js';
import { type MirrorStep, mirrorOf, mirrorStep } from './mirror-pod.js';

const pod = aPod({}, {}, { annotations: { [SourceAnnotation.hash]: 'h1', [SourceAnnotation.source]: 'file' } });
const copy = (hash: string, metadata: object = {}): Pod =>
  aPod({}, {}, { annotations: { [SourceAnnotation.mirror]: hash }, ...metadata });

const cases: [title: string, pod: Pod | undefined, mirror: Pod | undefined, step: MirrorStep][] = [
  ['a pod without a copy gets one', pod, undefined, 'create'],
  ['a copy of what is gone goes', undefined, copy('h1'), 'delete'],
  ['a copy of an earlier text goes', pod, copy('h0'), 'delete'],
  ['a copy that a user deletes goes at once', pod, copy('h1', { deletionTimestamp: '2026-01-01T00:00:30Z' }), 'delete'],
  ['a true copy is told how the pod is', pod, copy('h1'), 'report'],
  ['nothing of nothing', undefined, undefined, 'none'],
];

describe('Copies of static pods', () => {
  for (const [title, own, mirror, step] of cases) test(title, () => assert.equal(mirrorStep(own, mirror), step));

  test('belong to their node and name what they are a copy of', () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', uid: 'n1' } };
    const mirror = mirrorOf(pod, node);
    assert.deepEqual(mirror.metadata.ownerReferences, [
      { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'n1', controller: true },
    ]);
    assert.equal(mirror.metadata.annotations?.[SourceAnnotation.mirror], 'h1');
    assert.equal(mirror.metadata.uid, undefined);
    assert.ok(isMirror(mirror as Pod) && isStatic(pod) && isCritical(pod));
  });
});
