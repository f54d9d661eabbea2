import assert from 'node:assert/strict';
import { allResources, ResourceCatalog } from '#kinds';
import type { OutputFormat } from '../../codec/negotiation.js';
import { decodeMessage, readEnvelope } from '../../codec/protobuf/wire-decoder.js';
import { ResourceTable } from '../../registry/resource-table.js';
import { MemoryStore } from '../../registry/testing/memory-store.js';
import { protobufObject } from './protobuf-renderer.js';

const METADATA: OutputFormat = {
  mediaType: 'application/vnd.kubernetes.protobuf',
  as: 'PartialObjectMetadata',
  asVersion: 'meta.k8s.io/v1',
  pretty: false,
};

test('metadata is that of the version that is read, whichever was read before', () => {
  const store = new MemoryStore();
  const resources = new ResourceTable(new ResourceCatalog(allResources()), [], store);
  const [v1, v2] = ['v1', 'v2'].map((version) => resources.find('autoscaling', version, 'horizontalpodautoscalers')!);
  store.put(v2!.definition.storageResource, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web', namespace: 'default' },
    spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web' }, behavior: { scaleUp: {} } },
  });
  const object = v2!.cache.get('default', 'web')!;
  const annotationsIn = (entry: typeof v1) => {
    const { raw } = readEnvelope(protobufObject(object, entry!, METADATA));
    const { metadata } = decodeMessage('meta.v1.PartialObjectMetadata', raw) as { metadata: { annotations?: object } };
    return Object.keys(metadata.annotations ?? {});
  };
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(annotationsIn(v2), []);
    assert.deepEqual(annotationsIn(v1), ['autoscaling.alpha.kubernetes.io/behavior']);
  }
});
