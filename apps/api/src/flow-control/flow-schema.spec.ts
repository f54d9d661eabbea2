import assert from 'node:assert/strict';
import type { FlowSchema } from '#kinds';
import { compileFlowSchema, type FlowRequest, sortedSchemas } from './flow-schema.js';
import { dealHand } from './shuffle-sharding.js';
import { everything, request, schema, user } from './testing/flow-objects.js';

type Rule = NonNullable<FlowSchema['spec']['rules']>[number];

const ann = user('ann', 'humans', 'system:authenticated');
const account = user('system:serviceaccount:a:b', 'system:serviceaccounts');
const path = (text: string) => request({ isResourceRequest: false, path: text, namespace: '', resource: '' });
const anybody = [{ kind: 'Group', group: { name: '*' } }];
const resources = (more: object): Rule => ({
  subjects: anybody,
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], ...more }],
});
const paths = (...nonResourceURLs: string[]): Rule => ({
  subjects: anybody,
  nonResourceRules: [{ verbs: ['get'], nonResourceURLs }],
});
const by = (...subjects: Rule['subjects']): Rule => ({ subjects, ...everything });

describe('a flow schema', () => {
  const rows: [string, Rule, typeof ann, FlowRequest, boolean][] = [
    ['matches a user', by({ kind: 'User', user: { name: 'ann' } }), ann, request(), true],
    ['matches no other user', by({ kind: 'User', user: { name: 'bob' } }), ann, request(), false],
    ['matches all users', by({ kind: 'User', user: { name: '*' } }), ann, request(), true],
    ['matches a group', by({ kind: 'Group', group: { name: 'humans' } }), ann, request(), true],
    ['matches one of its subjects', by({ kind: 'User', user: { name: 'bob' } }, ...anybody), ann, request(), true],
    [
      'matches an account',
      by({ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: 'b' } }),
      account,
      request(),
      true,
    ],
    [
      'matches the accounts of a namespace',
      by({ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: '*' } }),
      account,
      request(),
      true,
    ],
    [
      'matches no account of another namespace that begins alike',
      by({ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: '*' } }),
      user('system:serviceaccount:ab:c'),
      request(),
      false,
    ],
    ['without rules matches nothing', { subjects: anybody }, ann, request(), false],
    ['matches verbs', resources({ verbs: ['list'] }), ann, request(), false],
    ['matches groups', resources({ apiGroups: ['apps'] }), ann, request({ group: 'apps' }), true],
    [
      'of a resource matches no subresource',
      resources({ resources: ['pods'] }),
      ann,
      request({ subresource: 'log' }),
      false,
    ],
    ['matches a subresource', resources({ resources: ['pods/log'] }), ann, request({ subresource: 'log' }), true],
    ['matches namespaces', resources({ namespaces: ['b'] }), ann, request(), false],
    ['matches the cluster only where it says so', resources({}), ann, request({ namespace: '' }), false],
    ['matches the cluster', resources({ clusterScope: true }), ann, request({ namespace: '' }), true],
    ['matches a path', paths('/healthz'), ann, path('/healthz'), true],
    ['matches what is below a path', paths('/healthz'), ann, path('/healthz/ping'), true],
    ['matches no path that begins alike', paths('/healthz'), ann, path('/healthzz'), false],
    ['matches below a pattern', paths('/apis/*'), ann, path('/apis/apps'), true],
    ['of paths matches no resource', paths('*'), ann, request(), false],
  ];
  for (const [title, rule, sender, asked, expected] of rows) {
    test(title, () => {
      assert.equal(compileFlowSchema(schema('s', 'l', [rule])).matches(sender, asked), expected);
    });
  }

  test('tells flows apart by user, by namespace, or not', () => {
    const flow = (type?: string) =>
      compileFlowSchema(schema('s', 'l', [], type ? { distinguisherMethod: { type } } : {})).flowOf(ann, request());
    assert.deepEqual([flow('ByUser'), flow('ByNamespace'), flow()], ['ann', 'a', '']);
  });

  test('is asked in the order of precedence, and of names where that is equal', () => {
    const made = ([name, matchingPrecedence]: [string, number?]) => schema(name, 'l', [], { matchingPrecedence });
    const sorted = sortedSchemas([made(['z', 2]), made(['b']), made(['a', 1000]), made(['y', 1])]);
    assert.deepEqual(
      sorted.map(({ metadata }) => metadata.name),
      ['y', 'z', 'a', 'b'],
    );
  });
});

describe('the hand of a flow', () => {
  test('has distinct queues, the same ones each time', () => {
    for (let flow = 0; flow < 200; flow += 1) {
      const hand = dealHand(64, 6, 'schema', String(flow));
      assert.equal(new Set(hand).size, 6);
      assert.ok(hand.every((queue) => queue >= 0 && queue < 64));
      assert.deepEqual(dealHand(64, 6, 'schema', String(flow)), hand);
    }
  });

  test('may have all queues', () => {
    assert.deepEqual(
      dealHand(4, 4, 's', 'x').sort((a, b) => a - b),
      [0, 1, 2, 3],
    );
  });

  test('spreads flows over the queues', () => {
    const counts = new Array<number>(16).fill(0);
    for (let flow = 0; flow < 1600; flow += 1)
      for (const queue of dealHand(16, 4, 's', `f${flow}`)) counts[queue]! += 1;
    assert.ok(Math.min(...counts) > 300 && Math.max(...counts) < 500, counts.join());
  });
});
