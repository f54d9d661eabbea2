import assert from 'node:assert/strict';
import { allResources } from '../built-in/resources.js';
import { servedGroups } from '../discovery/discovery.js';
import { openApiV2, openApiV3, openApiV3Path } from './openapi.js';

const all = allResources();
const core = JSON.parse(openApiV3(all, '', 'v1')!);
const schema = (name: string): any => core.components.schemas[`io.k8s.api.core.v1.${name}`];

describe('OpenAPI documents', () => {
  it('resolve every reference, in every group version', () => {
    for (const { name, versions } of servedGroups(all)) {
      for (const version of versions) {
        const text = openApiV3(all, name, version)!;
        const { schemas } = JSON.parse(text).components;
        for (const [, ref] of text.matchAll(/#\/components\/schemas\/([^"]+)/g))
          assert.ok(schemas[ref!], `${name}: ${ref}`);
      }
    }
    const v2 = openApiV2(all);
    const { definitions } = JSON.parse(v2);
    for (const [, ref] of v2.matchAll(/#\/definitions\/([^"]+)/g)) assert.ok(definitions[ref!], ref);
  });

  it('have paths for what is served, and no more', () => {
    assert.deepEqual(Object.keys(core.paths['/api/v1/namespaces/{namespace}/pods']), [
      'get',
      'post',
      'delete',
      'parameters',
    ]);
    assert.deepEqual(Object.keys(core.paths['/api/v1/namespaces/{name}']), [
      'get',
      'put',
      'delete',
      'patch',
      'parameters',
    ]);
    assert.deepEqual(Object.keys(core.paths['/api/v1/namespaces/{name}/finalize']), ['put', 'parameters']);
    assert.equal(core.paths['/api/v1/namespaces'].delete, undefined);
    assert.ok(core.paths['/api/v1/pods'].get);
    assert.equal(openApiV3(all, 'nope', 'v1'), undefined);
    assert.equal(openApiV3Path('apps', 'v1'), 'apis/apps/v1');
  });

  it('offer field validation on writes', () => {
    const { patch } = core.paths['/api/v1/namespaces/{namespace}/pods/{name}'];
    assert.ok(patch.parameters.some(({ name }: any) => name === 'fieldValidation'));
    assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: '', version: 'v1', kind: 'Pod' });
    assert.equal(patch['x-kubernetes-action'], 'patch');
    assert.equal(patch.operationId, 'patchCoreV1NamespacedPod');
  });

  it('carry what merging needs', () => {
    const { containers, nodeSelector, restartPolicy } = schema('PodSpec').properties;
    assert.equal(containers['x-kubernetes-patch-merge-key'], 'name');
    assert.equal(containers['x-kubernetes-patch-strategy'], 'merge');
    assert.deepEqual(containers['x-kubernetes-list-map-keys'], ['name']);
    assert.equal(nodeSelector['x-kubernetes-map-type'], 'atomic');
    assert.deepEqual(restartPolicy.enum, ['Always', 'Never', 'OnFailure']);
    assert.deepEqual(schema('Pod')['x-kubernetes-group-version-kind'], [{ group: '', kind: 'Pod', version: 'v1' }]);
    assert.deepEqual(schema('Container').properties.resources, {
      description: 'What the scheduler reserves for the container, and the most that it may use.',
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.ResourceRequirements' }],
      default: {},
    });
    const types = core.components.schemas;
    assert.deepEqual(types['io.k8s.apimachinery.pkg.util.intstr.IntOrString'], {
      description: 'An integer or a string, such as 5, "25%" or the name of a port.',
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    });
  });
});
