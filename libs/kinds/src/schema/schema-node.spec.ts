import assert from 'node:assert/strict';
import { allResources } from '../built-in/resources.js';
import { schemaNode } from './schema-node.js';

function at(schemaName: string, ...steps: string[]) {
  let node: any = schemaNode(schemaName);
  for (const step of steps) node = step === '[]' ? node.items : node.field(step);
  return node;
}
const pod = 'io.k8s.api.core.v1.Pod';

describe('schema nodes', () => {
  it('tell how lists merge', () => {
    const containers = at(pod, 'spec', 'containers');
    assert.deepEqual(
      [containers.kind, containers.mergeKey, containers.patchStrategy, containers.listType, containers.listMapKeys],
      ['list', 'name', ['merge'], 'map', ['name']],
    );
    const ports = at(pod, 'spec', 'containers', '[]', 'ports');
    assert.deepEqual([ports.mergeKey, ports.listMapKeys], ['containerPort', ['containerPort', 'protocol']]);
    assert.equal(ports.items.field('protocol').default, 'TCP');
    assert.equal(at(pod, 'spec', 'tolerations').listType, 'atomic');
    assert.equal(at(pod, 'metadata', 'finalizers').listType, 'set');
  });

  it('split patch strategies and tell atomic maps', () => {
    assert.deepEqual(at(pod, 'spec', 'volumes').patchStrategy, ['merge', 'retainKeys']);
    assert.equal(at(pod, 'spec', 'nodeSelector').mapType, 'atomic');
    assert.equal(at('io.k8s.api.apps.v1.Deployment', 'spec', 'selector').mapType, 'atomic');
  });

  it('are the same objects each time, also for types that contain themselves', () => {
    assert.equal(at(pod, 'spec'), at(pod, 'spec'));
    const schema = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
    assert.equal(at(schema, 'properties', '[]').field('properties'), at(schema, 'properties'));
    assert.equal(at(pod, 'spec').field('nope'), undefined);
  });

  it('exist for every resource', () => {
    for (const { schemaName } of allResources()) assert.equal(schemaNode(schemaName).kind, 'object');
  });
});
