import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditedAttributes, PolicyEvaluator } from './audit-policy.js';
import { policyOf, readAuditPolicy } from './audit-policy-file.js';

const TYPE = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy' };
const silent = () => {};

const resource = (more: Partial<AuditedAttributes> = {}): AuditedAttributes => ({
  user: { name: 'ann', groups: ['humans'] },
  verb: 'get',
  resourceRequest: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: 'x',
  path: '/api/v1/namespaces/a/pods/x',
  ...more,
});
const path = (text: string): AuditedAttributes =>
  resource({ resourceRequest: false, resource: '', namespace: '', name: '', path: text });

describe('a rule of an audit policy', () => {
  const pods = (resources: string[], more = {}) => ({ resources: [{ group: '', resources, ...more }] });
  const rows: [string, object, AuditedAttributes, boolean][] = [
    ['without fields matches all', {}, resource(), true],
    ['matches its users', { users: ['ann'] }, resource(), true],
    ['matches no other user', { users: ['bob'] }, resource(), false],
    ['with users matches nobody unknown', { users: ['ann'] }, resource({ user: undefined }), false],
    ['matches one of the groups', { userGroups: ['x', 'humans'] }, resource(), true],
    ['matches no other group', { userGroups: ['x'] }, resource(), false],
    ['matches its verbs', { verbs: ['list'] }, resource(), false],
    ['matches its namespaces', { namespaces: ['a'] }, resource(), true],
    ['has the empty namespace for the cluster', { namespaces: [''] }, resource({ namespace: '' }), true],
    ['with namespaces matches no path', { namespaces: [''] }, path('/version'), false],
    ['matches a resource', pods(['pods']), resource(), true],
    ['of a resource matches no subresource', pods(['pods']), resource({ subresource: 'log' }), false],
    ['matches a subresource', pods(['pods/log']), resource({ subresource: 'log' }), true],
    ['matches all subresources', pods(['pods/*']), resource({ subresource: 'log' }), true],
    ['matches a subresource of all', pods(['*/log']), resource({ subresource: 'log' }), true],
    ['matches everything of a group', pods(['*']), resource({ subresource: 'log' }), true],
    ['matches no other group of resources', pods(['*']), resource({ group: 'apps' }), false],
    ['matches all groups', { resources: [{ group: '*' }] }, resource({ group: 'apps' }), true],
    ['matches names', pods(['pods'], { resourceNames: ['y'] }), resource(), false],
    ['matches a path', { nonResourceURLs: ['/version'] }, path('/version'), true],
    ['matches paths by their beginning', { nonResourceURLs: ['/health*'] }, path('/healthz'), true],
    ['of paths matches no other path', { nonResourceURLs: ['/healthz'] }, path('/healthz/ping'), false],
    ['of paths matches no resource', { nonResourceURLs: ['*'] }, resource(), false],
  ];
  for (const [title, rule, attributes, expected] of rows) {
    test(title, () => {
      const policy = policyOf({ ...TYPE, rules: [{ level: 'Request', ...rule }] }, silent);
      assert.equal(new PolicyEvaluator(policy).decide(attributes).level, expected ? 'Request' : 'None');
    });
  }

  test('is found in the order of the file, and adds its stages to those of the policy', () => {
    const rules = [
      { level: 'None', verbs: ['watch'] },
      { level: 'Metadata', omitStages: ['Panic'], omitManagedFields: false },
      { level: 'RequestResponse' },
    ];
    const given = { ...TYPE, rules, omitStages: ['RequestReceived'], omitManagedFields: true };
    const evaluator = new PolicyEvaluator(policyOf(given, silent));
    assert.equal(evaluator.decide(resource({ verb: 'watch' })).level, 'None');
    assert.deepEqual(evaluator.decide(resource()), {
      level: 'Metadata',
      omitStages: new Set(['RequestReceived', 'Panic']),
      omitManagedFields: false,
    });
  });
});

describe('the file of an audit policy', () => {
  const supported = 'supported values: "None", "Metadata", "Request", "RequestResponse"';
  const rows: [string, object, string][] = [
    ['another kind', { kind: 'Pod' }, 'unknown group version field audit.k8s.io/v1, Kind=Pod in policy'],
    ['no rules', {}, 'loaded illegal policy with 0 rules'],
    ['a rule without a level', { rules: [{}] }, 'rules[0].level: Required value'],
    ['another level', { rules: [{ level: 'All' }] }, `rules[0].level: Unsupported value: "All": ${supported}`],
    [
      'another stage',
      { rules: [{ level: 'None' }], omitStages: ['Begin'] },
      'omitStages[0]: Invalid value: "Begin": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
    ],
    [
      'a path that is none',
      { rules: [{ level: 'None', nonResourceURLs: ['a*b'] }] },
      `[rules[0].nonResourceURLs[0]: Invalid value: "a*b": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs[0]: Invalid value: "a*b": non-resource URL wildcards '*' must be the final character of the rule]`,
    ],
    [
      'paths and resources in one rule',
      { rules: [{ level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] }] },
      'rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
    [
      'names without resources',
      { rules: [{ level: 'None', resources: [{ resourceNames: ['a'] }] }] },
      'rules[0].resources.resourceNames: Invalid value: ["a"]: using resourceNames requires at least one resource',
    ],
    [
      'a text in place of a list',
      { rules: [{ level: 'None', users: 'ann' }] },
      'failed decoding: rules[0].users must be a list',
    ],
  ];
  for (const [title, policy, message] of rows) {
    test(`is refused for ${title}`, () => {
      assert.throws(() => policyOf({ ...TYPE, ...policy }, silent), { message });
    });
  }

  test('may have fields that nobody knows: they are named', () => {
    const told: string[] = [];
    policyOf({ ...TYPE, rules: [{ level: 'None', user: ['ann'] }] }, (text) => told.push(text));
    assert.deepEqual(told, ['the audit policy has unknown fields, which are ignored: rules[0].user']);
  });

  test('is named in errors', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-policy-'));
    try {
      const file = join(folder, 'policy.yaml');
      await writeFile(file, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n');
      await assert.rejects(readAuditPolicy(file, silent), {
        message: `loading audit policy file: loaded illegal policy with 0 rules: from file ${file}`,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
