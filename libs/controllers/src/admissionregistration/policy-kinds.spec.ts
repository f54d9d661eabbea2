import assert from 'node:assert/strict';
import type { ServedResource } from '#client';
import { namedResources } from './policy-kinds.js';

const served = (group: string, version: string, plural: string): ServedResource => ({
  ...{ group, version, plural, kind: plural.toUpperCase(), namespaced: true, verbs: [] },
  subresources: [],
});
const many = Array.from({ length: 12 }, (_, i) => served('many', 'v1', `r${String(i).padStart(2, '0')}`));
const all = [
  ...[served('', 'v1', 'pods'), served('apps', 'v1', 'deployments'), served('apps', 'v1beta1', 'deployments')],
  ...[served('apps', 'v1', 'replicasets'), ...many],
];
type Rule = { apiGroups?: string[]; apiVersions?: string[]; resources?: string[] };
const rule = (apiGroups: string[], apiVersions: string[], resources: string[]): Rule => ({
  ...{ apiGroups, apiVersions, resources },
});

describe('Resources that a policy names', () => {
  const table: [what: string, rules: Rule[], expected: string[]][] = [
    ['one', [rule(['apps'], ['v1'], ['deployments'])], ['apps/v1/deployments']],
    [
      'each of a rule, in order, and once',
      [rule(['apps', ''], ['v1beta1', 'v1'], ['pods', 'deployments']), rule([''], ['v1'], ['pods'])],
      ['/v1/pods', 'apps/v1/deployments', 'apps/v1beta1/deployments'],
    ],
    ['none for all groups', [rule(['*'], ['v1'], ['pods'])], []],
    ['none for all versions', [rule([''], ['*'], ['pods'])], []],
    ['none for all resources and subresources', [rule([''], ['v1'], ['*', 'pods/status', 'pods/*'])], []],
    ['what is not served is not there', [rule(['none'], ['v1'], ['pods'])], []],
    ['a rule without parts', [{}], []],
    [
      'ten of a rule, and then no other rule',
      [
        rule(
          ['many'],
          ['v1'],
          many.map(({ plural }) => plural),
        ),
        rule([''], ['v1'], ['pods']),
      ],
      many.slice(0, 10).map(({ plural }) => `many/v1/${plural}`),
    ],
  ];
  for (const [what, resourceRules, expected] of table) {
    test(what, () => {
      const named = namedResources({ matchConstraints: { resourceRules } }, all);
      assert.deepEqual(
        named.map(({ group, version, plural }) => `${group}/${version}/${plural}`),
        expected,
      );
    });
  }

  test('none without rules', () => assert.deepEqual(namedResources({}, all), []));
});
