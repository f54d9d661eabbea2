import assert from 'node:assert/strict';
import { appliedSteps, atOnce, compareObjects, type FieldSet, type SchemaNode, unionSets } from '#apimachinery';
import { schemaNode } from '#kinds';
import { mergeApplied, pruneApplied } from './apply-merge.js';

const service = schemaNode('io.k8s.api.core.v1.Service');
const pod = schemaNode('io.k8s.api.core.v1.Pod');
const serviceAccount = schemaNode('io.k8s.api.core.v1.ServiceAccount');

const dns = [
  { name: 'udp', port: 53, protocol: 'UDP', targetPort: 5353 },
  { name: 'tcp', port: 53, protocol: 'TCP', targetPort: 5353 },
];
const dnsItem = { '.': {}, 'f:name': {}, 'f:port': {}, 'f:protocol': {}, 'f:targetPort': {} };

const appliedSet = (schema: SchemaNode, applied: object) => atOnce(appliedSteps(schema, applied as never, undefined));

describe('what an applied configuration owns', () => {
  const cases: [what: string, schema: typeof service, applied: object, set: FieldSet | undefined][] = [
    [
      'the items of a list, not the list',
      service,
      { spec: { ports: dns } },
      {
        'f:spec': {
          'f:ports': { 'k:{"port":53,"protocol":"TCP"}': dnsItem, 'k:{"port":53,"protocol":"UDP"}': dnsItem },
        },
      },
    ],
    [
      'the entries of a map, not the map',
      service,
      { metadata: { name: 'a', labels: { app: 'a' } }, spec: { selector: { app: 'a' } } },
      { 'f:metadata': { 'f:labels': { 'f:app': {} } }, 'f:spec': { 'f:selector': {} } },
    ],
    [
      'the fields of an object, not the object',
      pod,
      { spec: { securityContext: { runAsUser: 1, seLinuxOptions: { level: 'x' } } } },
      { 'f:spec': { 'f:securityContext': { 'f:runAsUser': {}, 'f:seLinuxOptions': { 'f:level': {} } } } },
    ],
    ['an empty object', pod, { spec: { securityContext: {} } }, { 'f:spec': { 'f:securityContext': {} } }],
    ['of an empty associative list nothing', service, { spec: { ports: [] } }, undefined],
    ['an atomic list, also an empty one', pod, { spec: { tolerations: [] } }, { 'f:spec': { 'f:tolerations': {} } }],
    [
      'the values of a set, not the set',
      pod,
      { metadata: { finalizers: ['a/b'] } },
      { 'f:metadata': { 'f:finalizers': { 'v:"a/b"': {} } } },
    ],
    [
      'an item that has one owner as a whole',
      serviceAccount,
      { secrets: [{ name: 'a' }] },
      { 'f:secrets': { 'k:{"name":"a"}': {} } },
    ],
  ];
  for (const [what, schema, applied, set] of cases) {
    test(what, () => assert.deepEqual(appliedSet(schema, applied), set));
  }

  test('a writer by another verb owns the list, too', () => {
    const added = compareObjects(service, { spec: {} }, { spec: { ports: dns } })?.added as any;
    assert.deepEqual(added['f:spec']['f:ports']['.'], {});
  });
});

describe('what was applied and is no longer', () => {
  const port = (number: number, more: object = {}) => ({ port: number, protocol: 'TCP', ...more });
  const owned = (number: number, node: FieldSet) => ({
    'f:spec': { 'f:ports': { [`k:{"port":${number},"protocol":"TCP"}`]: node } },
  });
  const cases: [
    what: string,
    schema: typeof service,
    live: any,
    before: any,
    now: any,
    others: FieldSet,
    after: any,
  ][] = [
    [
      'an item goes with what the server filled in',
      service,
      { spec: { ports: [port(8000, { name: 'a', targetPort: 8000, nodePort: 30_001 })] } },
      { spec: { ports: [{ port: 8000, name: 'a' }] } },
      { spec: { ports: [{ port: 8001, name: 'a' }] } },
      {},
      { spec: { ports: [{ port: 8001, name: 'a' }] } },
    ],
    [
      'an item stays for another that has the item itself, less the fields',
      service,
      { spec: { ports: [port(8000, { name: 'a', targetPort: 8000 })] } },
      { spec: { ports: [{ port: 8000, name: 'a' }] } },
      { spec: {} },
      owned(8000, { '.': {}, 'f:port': {} }),
      { spec: { ports: [port(8000, { targetPort: 8000 })] } },
    ],
    [
      'an item goes although another has a field of it',
      service,
      { spec: { type: 'NodePort', ports: [port(8000, { nodePort: 30_001 })] } },
      { spec: { type: 'NodePort', ports: [{ port: 8000 }] } },
      { spec: { type: 'NodePort' } },
      owned(8000, { 'f:nodePort': {} }),
      { spec: { type: 'NodePort', ports: [] } },
    ],
    [
      'an object goes with what the server filled in',
      pod,
      { spec: { nodeName: 'n', securityContext: { runAsUser: 1, fsGroup: 2 } } },
      { spec: { nodeName: 'n', securityContext: { runAsUser: 1 } } },
      { spec: { nodeName: 'n' } },
      {},
      { spec: { nodeName: 'n' } },
    ],
    [
      'an object of which another has a field keeps that and what nobody has',
      pod,
      { spec: { securityContext: { runAsUser: 1, runAsGroup: 3, fsGroup: 2 } } },
      { spec: { securityContext: { runAsUser: 1 } } },
      { spec: {} },
      { 'f:spec': { 'f:securityContext': { 'f:fsGroup': {} } } },
      { spec: { securityContext: { runAsGroup: 3, fsGroup: 2 } } },
    ],
    [
      'an object that is applied empty stays',
      pod,
      { spec: { securityContext: { runAsUser: 1 } } },
      { spec: { securityContext: { runAsUser: 1 } } },
      { spec: { securityContext: {} } },
      {},
      { spec: { securityContext: {} } },
    ],
    [
      'the value of a set',
      pod,
      { metadata: { name: 'p', uid: 'u', finalizers: ['a/b', 'c/d'] } },
      { metadata: { name: 'p', finalizers: ['a/b', 'c/d'] } },
      { metadata: { name: 'p', finalizers: ['c/d'] } },
      {},
      { metadata: { name: 'p', uid: 'u', finalizers: ['c/d'] } },
    ],
  ];
  for (const [what, schema, live, before, now, others, after] of cases) {
    test(what, () => {
      const merged = mergeApplied(schema, live, now);
      const kept = unionSets({ 'f:metadata': {}, 'f:spec': {} }, unionSets(others, appliedSet(schema, now)));
      pruneApplied(schema, merged, appliedSet(schema, before)!, kept);
      assert.deepEqual(merged, after);
    });
  }
});

describe('the order of a merged list', () => {
  const named = (names: string) => [...names].map((name) => ({ name }));
  const cases: [what: string, live: string, applied: string, merged: string][] = [
    ['the applied one for what is in both', 'abc', 'cab', 'cab'],
    ['items of others stay behind what they were behind', 'axbyc', 'cba', 'xycba'],
    ['also at the begin and at the end', 'xaby', 'ba', 'xbya'],
    ['new items come where they are applied', 'abc', 'anbmc', 'anbmc'],
    ['new items before the shared one that they are applied before', 'xa', 'na', 'xna'],
    ['nothing shared: those of others first', 'xy', 'ab', 'xyab'],
    ['a part of the list', 'abcd', 'db', 'acdb'],
    ['what is there twice gives way', 'aax', 'ab', 'abx'],
  ];
  for (const [what, live, applied, merged] of cases) {
    test(what, () => {
      const env = (names: string) => ({ spec: { containers: [{ name: 'c', env: named(names) }] } });
      const result = mergeApplied(pod, env(live), env(applied)) as ReturnType<typeof env>;
      assert.equal(result.spec.containers[0]!.env.map(({ name }) => name).join(''), merged);
    });
  }

  test('a set is in the applied order, too', () => {
    const of = (...finalizers: string[]) => ({ metadata: { finalizers } });
    assert.deepEqual(mergeApplied(pod, of('a/b', 'c/d'), of('c/d', 'a/b')), of('c/d', 'a/b'));
  });
});
