import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { gvr, type ValidatingAdmissionPolicy } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const GROUP = 'stable.example.com';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

async function create(name: string, group: string, resource: string, expression: string): Promise<void> {
  const resourceRules = [{ apiGroups: [group], apiVersions: ['v1'], operations: ['CREATE'], resources: [resource] }];
  await env.client.create<KubeObject>(gvr.validatingadmissionpolicies, '', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: { matchConstraints: { resourceRules }, validations: [{ expression }] },
  });
}

const checked = (name: string, generation = 1) =>
  env.until(`${name} to be checked`, async () => {
    const policy = await env.client.get<ValidatingAdmissionPolicy>(gvr.validatingadmissionpolicies, '', name);
    return policy.status?.observedGeneration === generation && policy.status;
  });

test('a policy is told what is wrong with its expressions, for each of its generations', async () => {
  await create('wrong', 'apps', 'deployments', 'object.spec.replicas > "1"');
  const { typeChecking } = (await checked('wrong')) as NonNullable<ValidatingAdmissionPolicy['status']>;
  assert.match(
    typeChecking!.expressionWarnings![0]!.warning,
    /found no matching overload for '_>_' applied to '\(int, string\)'/,
  );
  const patch = [{ op: 'replace', path: '/spec/validations/0/expression', value: 'object.spec.replicas > 1' }];
  await env.client.patch(gvr.validatingadmissionpolicies, '', 'wrong', 'application/json-patch+json', patch);
  const after = (await checked('wrong', 2)) as NonNullable<ValidatingAdmissionPolicy['status']>;
  assert.deepEqual(after.typeChecking?.expressionWarnings ?? [], []);
  assert.ok(after.typeChecking);
});

test('types of custom resources come from their definition', async () => {
  const names = { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', listKind: 'CronTabList' };
  const spec = { type: 'object', properties: { replicas: { type: 'integer' } } };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
  await env.client.create<KubeObject>(gvr.customresourcedefinitions, '', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `crontabs.${GROUP}` },
    spec: { group: GROUP, names, scope: 'Namespaced', versions: [{ name: 'v1', served: true, storage: true, schema }] },
  });
  await env.until('the definition to be served', async () =>
    env.client.list({ group: GROUP, version: 'v1', resource: 'crontabs' }).then(
      () => true,
      () => false,
    ),
  );
  await create('custom', GROUP, 'crontabs', 'object.spec.maxRetries < 10 && object.metadata.name != ""');
  const status = (await checked('custom')) as NonNullable<ValidatingAdmissionPolicy['status']>;
  const [warning, ...more] = status.typeChecking?.expressionWarnings ?? [];
  assert.deepEqual(more, []);
  assert.match(
    warning!.warning,
    /^stable\.example\.com\/v1, Kind=CronTab: ERROR: <input>:1:12: undefined field 'maxRetries'/,
  );
});
