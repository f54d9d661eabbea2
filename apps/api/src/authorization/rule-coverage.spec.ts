import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AuthorizationAttributes } from './authorizer.js';
import { compactRuleText, type PolicyRule, ruleAllows } from './policy-rule.js';
import { describeRules, uncoveredRules } from './rule-coverage.js';

const some = (...items: string[]) => fc.uniqueArray(fc.constantFrom(...items), { minLength: 1, maxLength: 3 });
const resourceRule: fc.Arbitrary<PolicyRule> = fc.record({
  verbs: some('get', 'list', '*'),
  apiGroups: some('', 'apps', '*'),
  resources: some('pods', 'pods/log', 'deployments', 'deployments/scale', '*/scale', '*'),
  resourceNames: fc.oneof(fc.constant([]), some('a', 'b')),
});
const pathRule: fc.Arbitrary<PolicyRule> = fc.record({
  verbs: some('get', '*'),
  nonResourceURLs: some('/a', '/a/*', '/a/b', '*'),
});
const rule = fc.oneof(resourceRule, pathRule);

const request: fc.Arbitrary<AuthorizationAttributes> = fc.record({
  user: fc.constant({ name: 'u', groups: [] }),
  verb: fc.constantFrom('get', 'list', 'watch'),
  resourceRequest: fc.boolean(),
  group: fc.constantFrom('', 'apps', 'batch'),
  version: fc.constant('v1'),
  resource: fc.constantFrom('pods', 'deployments'),
  subresource: fc.constantFrom('', 'log', 'scale'),
  namespace: fc.constant('n'),
  name: fc.constantFrom('', 'a', 'b', 'c'),
  path: fc.constantFrom('/a', '/a/b', '/a/c', '/d'),
});

describe('uncoveredRules', () => {
  it('lets nothing through that would grant more than is held', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), rule, request, (held, wanted, asked) => {
        fc.pre(uncoveredRules(held, [wanted]).length === 0 && ruleAllows(wanted, asked));
        return held.some((own) => ruleAllows(own, asked));
      }),
      { numRuns: 300, maxSkipsPerRun: 1000 },
    );
  });

  it('finds nothing missing in rules that are held', () => {
    fc.assert(fc.property(fc.array(rule, { maxLength: 4 }), (held) => uncoveredRules(held, held).length === 0));
  });

  const pods = { apiGroups: [''], resources: ['pods'] };
  const cases: [string, PolicyRule, PolicyRule, number][] = [
    [
      'a name does not cover all names',
      { verbs: ['get'], ...pods, resourceNames: ['a'] },
      { verbs: ['get'], ...pods },
      1,
    ],
    ['all names cover one', { verbs: ['get'], ...pods }, { verbs: ['get'], ...pods, resourceNames: ['a'] }, 0],
    ['one verb does not cover *', { verbs: ['get'], ...pods }, { verbs: ['*'], ...pods }, 1],
    ['each missing verb counts', { verbs: ['get'], ...pods }, { verbs: ['get', 'list', 'watch'], ...pods }, 2],
    [
      '*/scale covers a scale',
      { verbs: ['get'], apiGroups: ['apps'], resources: ['*/scale'] },
      { verbs: ['get'], apiGroups: ['apps'], resources: ['deployments/scale'] },
      0,
    ],
    [
      'a path does not cover those below',
      { verbs: ['get'], nonResourceURLs: ['/a'] },
      { verbs: ['get'], nonResourceURLs: ['/a/*'] },
      1,
    ],
  ];
  for (const [title, held, wanted, missing] of cases) {
    it(title, () => assert.equal(uncoveredRules([held], [wanted]).length, missing));
  }
});

describe('describeRules', () => {
  it('gathers the verbs of one resource and sorts', () => {
    const missing = uncoveredRules([], [{ verbs: ['get', 'list'], apiGroups: ['', 'apps'], resources: ['things'] }]);
    assert.deepEqual(describeRules(missing), [
      '{APIGroups:[""], Resources:["things"], Verbs:["get" "list"]}',
      '{APIGroups:["apps"], Resources:["things"], Verbs:["get" "list"]}',
    ]);
  });

  it('prints every part of a rule', () => {
    assert.equal(
      compactRuleText({ verbs: ['get'], apiGroups: [''], resources: ['a'], resourceNames: ['b'] }),
      '{APIGroups:[""], Resources:["a"], ResourceNames:["b"], Verbs:["get"]}',
    );
    assert.equal(
      compactRuleText({ verbs: ['get'], nonResourceURLs: ['/x'] }),
      '{NonResourceURLs:["/x"], Verbs:["get"]}',
    );
  });
});
