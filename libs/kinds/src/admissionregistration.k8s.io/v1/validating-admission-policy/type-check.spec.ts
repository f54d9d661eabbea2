import assert from 'node:assert/strict';
import { findResource } from '../../../built-in/resources.js';
import type { ValidatingAdmissionPolicySpec } from '../../../generated/types.js';
import { customObjectType, objectType } from '../../../schema/cel-type.js';
import { type CheckedKind, typeWarnings } from './type-check.js';

const builtIn = (group: string, plural: string): CheckedKind => {
  const definition = findResource(group, 'v1', plural)!;
  return { group, version: 'v1', kind: definition.kind, type: objectType(definition) };
};
const deployments = builtIn('apps', 'deployments');
const pods = builtIn('', 'pods');
const crontab = customObjectType({
  type: 'object',
  properties: {
    spec: { type: 'object', properties: { replicas: { type: 'integer' }, 'max-age': { type: 'string' } } },
  },
});
const crontabs: CheckedKind = { group: 'stable.example.com', version: 'v1', kind: 'CronTab', type: crontab };
const unknown: CheckedKind = { group: 'other.example.com', version: 'v1', kind: 'Other', type: undefined };

const warningsOf = (kinds: CheckedKind[], spec: ValidatingAdmissionPolicySpec, params?: CheckedKind) =>
  [...typeWarnings(spec, kinds, params?.type)].filter((warning) => warning !== undefined);
const of = (...expressions: string[]) => ({ validations: expressions.map((expression) => ({ expression })) });

describe('The expressions of a policy', () => {
  const good: [what: string, kind: CheckedKind, expression: string][] = [
    ['integers', deployments, 'object.spec.replicas > 1 && oldObject.spec.replicas < 10'],
    ['lists and maps', deployments, 'object.spec.template.spec.containers.all(c, c.image.startsWith("a"))'],
    ['metadata', deployments, 'object.metadata.labels["a"] == "b" && object.metadata.name != ""'],
    ['times', pods, 'object.metadata.creationTimestamp < timestamp("2030-01-01T00:00:00Z")'],
    ['quantities, which can be numbers', pods, 'object.spec.containers[0].resources.limits["cpu"] == 1'],
    ['ports, which can be names', pods, 'object.spec.containers[0].livenessProbe.httpGet.port == "web"'],
    ['names that are escaped', pods, 'object.spec.volumes.all(v, !has(v.secret) || v.secret.optional)'],
    ['request and namespace', pods, 'request.operation == "CREATE" && namespaceObject.metadata.name == "a"'],
    ['the authorizer', pods, 'authorizer.group("").resource("pods").check("get").allowed()'],
    ['definitions', crontabs, 'object.spec.replicas > 1 && object.spec.max__dash__age == "1h"'],
    ['metadata of custom resources', crontabs, 'object.metadata.annotations.exists(k, k == "a") && object.kind != ""'],
    ['anything of what nobody knows', unknown, 'object.spec.anything > 1 && object.other == "a"'],
  ];
  for (const [what, kind, expression] of good) {
    test(`may use ${what}`, () => assert.deepEqual(warningsOf([kind], of(expression)), []));
  }

  test('are shown with what is wrong, in the words of the compiler', () => {
    const spec = {
      validations: [
        { expression: 'object.spec.replicas > "1"', messageExpression: '"got " + object.spec.replicas' },
        { expression: 'object.spec.replicas > 1' },
        { expression: 'object.spec.replica > 1' },
      ],
    };
    assert.deepEqual(warningsOf([deployments], spec), [
      {
        fieldRef: 'spec.validations[0].expression',
        warning: `apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > "1"\n | .....................^\n`,
      },
      {
        fieldRef: 'spec.validations[0].messageExpression',
        warning: `apps/v1, Kind=Deployment: ERROR: <input>:1:8: found no matching overload for '_+_' applied to '(string, int)'\n | "got " + object.spec.replicas\n | .......^\n`,
      },
      {
        fieldRef: 'spec.validations[2].expression',
        warning: `apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replica'\n | object.spec.replica > 1\n | ...........^\n`,
      },
    ]);
  });

  test('are checked for each kind by itself', () => {
    const [warning, ...more] = warningsOf([pods, crontabs, deployments, unknown], of('object.spec.replicas > 1'));
    assert.deepEqual(more, []);
    assert.equal(
      warning?.warning,
      `/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'replicas'\n | object.spec.replicas > 1\n | ...........^\n`,
    );
    const both = warningsOf([pods, deployments], of('object.spec.nothing == 1'));
    assert.match(both[0]!.warning, /^\/v1, Kind=Pod: [\s\S]*\^\n\napps\/v1, Kind=Deployment: [\s\S]*\^\n$/);
  });

  test('know the types of variables and parameters', () => {
    const variables = [
      { name: 'count', expression: 'object.spec.replicas' },
      { name: 'twice', expression: 'variables.count * 2' },
      { name: 'broken', expression: 'object.spec.nothing' },
    ];
    const spec = {
      variables,
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      ...of('variables.twice > "a"', 'variables.broken > 1', 'params.data["a"] == "b"', 'params.data == 1'),
    };
    const found = (params?: CheckedKind) => warningsOf([deployments], spec, params).map(({ fieldRef }) => fieldRef);
    const [wrongVariable, wrongParameter] = ['spec.validations[0].expression', 'spec.validations[3].expression'];
    assert.deepEqual(found(builtIn('', 'configmaps')), [wrongVariable, wrongParameter]);
    assert.deepEqual(found(), [wrongVariable]);
  });

  test('may look at types that refer to themselves', () => {
    const definitions = builtIn('apiextensions.k8s.io', 'customresourcedefinitions');
    const path = 'object.spec.versions[0].schema.openAPIV3Schema.properties["a"].properties["b"]';
    assert.deepEqual(warningsOf([definitions], of(`${path}.type == "string"`)), []);
    assert.equal(warningsOf([definitions], of(`${path}.type == 1`)).length, 1);
  });
});
