import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AuthorizationAttributes } from './authorizer.js';
import { compactRuleText, type PolicyRule, pathMatches, ruleAllows } from './policy-rule.js';
import { coversRules, describeRules, RulesTooComplex, uncoveredRules } from './rule-coverage.js';

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

/** The product of a rule's lists, part by part: what uncoveredRules must not do, and must agree with. */
function partsOf({ apiGroups = [], resources = [], verbs, resourceNames = [], nonResourceURLs = [] }: PolicyRule) {
  const names = resourceNames.length > 0 ? resourceNames : [undefined];
  return [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.flatMap((verb) => names.map((name) => ({ group, resource, verb, name })))),
    ),
    ...nonResourceURLs.flatMap((path) => verbs.map((verb) => ({ path, verb }))),
  ];
}

function coversPart(owner: PolicyRule, part: Partial<Record<'group' | 'resource' | 'verb' | 'name' | 'path', string>>) {
  const has = (list: readonly string[] | undefined, value: string) => list?.includes(value) || list?.includes('*');
  if (!has(owner.verbs, part.verb!)) return false;
  if (part.path !== undefined) return pathMatches(owner.nonResourceURLs ?? [], part.path);
  const [, below] = part.resource!.split('/');
  return (
    has(owner.apiGroups, part.group!) &&
    (has(owner.resources, part.resource!) || (below !== undefined && has(owner.resources, `*/${below}`))) &&
    (!owner.resourceNames?.length || owner.resourceNames.includes(part.name ?? ''))
  );
}

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('uncoveredRules', () => {
  it('finds what comparing part by part finds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rule, { maxLength: 6 }), fc.array(rule, { maxLength: 2 }), async (held, wanted) => {
        const found = (await uncoveredRules(held, wanted)).map((part) => partsOf(part));
        const missing = wanted.flatMap(partsOf).filter((part) => !held.some((owner) => coversPart(owner, part)));
        assert.deepEqual(found.flat(), missing);
      }),
      { numRuns: 1000 },
    );
  });

  const wide: PolicyRule = {
    verbs: numbered('v', 100),
    apiGroups: numbered('g', 100),
    resources: numbered('r', 100),
    resourceNames: numbered('n', 100),
  };

  it('lists a thousand parts of a rule that has a hundred million', async () => {
    const missing = await uncoveredRules([{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], [wide]);
    assert.equal(missing.length, 1000);
    assert.deepEqual(missing[0], { apiGroups: ['g0'], resources: ['r0'], verbs: ['v0'], resourceNames: ['n0'] });
  });

  it('finds such a rule covered by one, or by several together', async () => {
    const { resourceNames: _, ...all } = wide;
    assert.deepEqual(await uncoveredRules([all], [wide]), []);
    const halves = [wide.verbs.slice(0, 50), wide.verbs.slice(50)].map((verbs) => ({ ...all, verbs }));
    assert.deepEqual(await uncoveredRules(halves, [wide]), []);
  });

  it('finds the one part that is missing of a hundred million', async () => {
    const last = (list: readonly string[] | undefined) => list!.slice(0, -1);
    const held = [
      { ...wide, verbs: last(wide.verbs) },
      { ...wide, apiGroups: last(wide.apiGroups) },
      { ...wide, resources: last(wide.resources) },
      { ...wide, resourceNames: last(wide.resourceNames) },
    ];
    assert.deepEqual(await uncoveredRules(held, [wide]), [
      { apiGroups: ['g99'], resources: ['r99'], verbs: ['v99'], resourceNames: ['n99'] },
    ]);
  });

  it('gives up on rules that combine in too many ways', async () => {
    // Each value is in half of the rules that are held, and no two values in the same ones.
    const half = (prefix: string, of: number) =>
      numbered(prefix, 100).filter((_, i) => ((i * 2654435761) >>> (of % 32)) & 1);
    const held = Array.from({ length: 60 }, (_, i) => ({
      apiGroups: half('g', i),
      resources: half('r', i * 7),
      verbs: half('v', i * 11),
      resourceNames: half('n', i * 13),
    }));
    const begun = performance.now();
    try {
      await uncoveredRules(held, [wide]);
    } catch (error) {
      assert.ok(error instanceof RulesTooComplex);
    }
    assert.ok(performance.now() - begun < 2000, 'tens of milliseconds, with room for a busy machine');
  });

  it('lets nothing through that would grant more than is held', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), rule, request, (held, wanted, asked) => {
        fc.pre(coversRules(held, [wanted]) && ruleAllows(wanted, asked));
        return held.some((own) => ruleAllows(own, asked));
      }),
      { numRuns: 300, maxSkipsPerRun: 1000 },
    );
  });

  it('finds nothing missing in rules that are held', () => {
    fc.assert(fc.property(fc.array(rule, { maxLength: 4 }), (held) => coversRules(held, held)));
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
    it(title, async () => assert.equal((await uncoveredRules([held], [wanted])).length, missing));
  }
});

describe('describeRules', () => {
  it('gathers the verbs of one resource and sorts', async () => {
    const missing = await uncoveredRules(
      [],
      [{ verbs: ['get', 'list'], apiGroups: ['', 'apps'], resources: ['things'] }],
    );
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
