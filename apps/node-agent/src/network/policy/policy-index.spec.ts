import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { NetworkPolicy, NetworkPolicyPort, NetworkPolicySpec } from '#kinds';
import { type DnsPods, PolicyIndex } from './policy-index.js';
import type { PolicyPod } from './policy-pod.js';

const policy = (key: string, spec: NetworkPolicySpec): NetworkPolicy => {
  const [namespace, name] = key.split('/');
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace, name }, spec };
};
const pod = (namespace: string, labels: Record<string, string>, more: Partial<PolicyPod> = {}): PolicyPod => ({
  uid: 'u',
  namespace,
  labels,
  addresses: ['10.244.0.5'],
  ports: [{ name: 'http', protocol: 'TCP', number: 8080 }],
  nodeName: 'here',
  ...more,
});
const dns: DnsPods = {
  namespace: 'kube-system',
  labels: { 'k8s-app': 'kube-dns' },
  model: { addresses: ['192.0.2.1'], ports: [{ name: 'dns', protocol: 'UDP', number: 10053 }], dns: true },
};

let index: PolicyIndex;
const taken = () => {
  const { policies, pods } = index.take();
  const parsed = (map: Map<string, string>) =>
    Object.fromEntries([...map].map(([key, text]) => [key, text && JSON.parse(text)]));
  return { policies: parsed(policies), pods: parsed(pods) };
};
beforeEach(() => {
  index = new PolicyIndex('here');
});

const fromWeb: NetworkPolicySpec = {
  podSelector: { matchLabels: { app: 'db' } },
  policyTypes: ['Ingress'],
  ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'a' } } }], ports: [{ port: 'http' }] }],
};

describe('what a change gives', () => {
  beforeEach(() => {
    index.setNamespace('shop', {});
    index.setNamespace('other', { team: 'a' });
    index.setPod('shop/db', pod('shop', { app: 'db' }));
    index.setPod(
      'other/web',
      pod('other', { app: 'web' }, { nodeName: 'there', addresses: ['10.244.1.7'], ports: [] }),
    );
    index.setPod('shop/plain', pod('shop', {}, { ports: [] }));
    index.take();
    index.setPolicy('shop/p', policy('shop/p', fromWeb));
  });

  it('a policy: itself, whom it isolates, and its peers', () => {
    const rule = { peers: [{ pods: '{team=a}/<none>' }], ports: [{ protocol: 'TCP', which: { name: 'http' } }] };
    assert.deepEqual(taken(), {
      policies: { 'shop/p': { ingress: [rule] } },
      pods: {
        'shop/db': {
          addresses: ['10.244.0.5'],
          ports: [{ name: 'http', protocol: 'TCP', number: 8080 }],
          ingress: ['shop/p'],
        },
        'other/web': { addresses: ['10.244.1.7'], selectors: ['{team=a}/<none>'] },
      },
    });
    assert.deepEqual(index.isolated(), { ingress: 1, egress: 0 });
    assert.equal(index.isIsolated('shop/db'), true);
    assert.equal(index.isIsolated('shop/plain'), false);
    index.setPolicy('shop/p', undefined);
    assert.deepEqual(taken(), { policies: { 'shop/p': '' }, pods: { 'shop/db': '', 'other/web': '' } });
  });

  it('a pod: itself alone, and nothing when nothing about it differs', () => {
    index.take();
    index.setPod('other/web', pod('other', { app: 'x' }, { nodeName: 'there', addresses: ['10.244.1.7'], ports: [] }));
    assert.deepEqual(taken(), { policies: {}, pods: {} });
    index.setPod('other/new', pod('other', {}, { nodeName: 'there', addresses: ['10.244.1.8'], ports: [] }));
    const model = { addresses: ['10.244.1.8'], selectors: ['{team=a}/<none>'] };
    assert.deepEqual(taken(), { policies: {}, pods: { 'other/new': model } });
    index.setPod('other/new', undefined);
    assert.deepEqual(taken(), { policies: {}, pods: { 'other/new': '' } });
  });

  it('labels: of a pod, or of its namespace', () => {
    index.take();
    index.setPod('shop/db', pod('shop', { app: 'none' }));
    const model = { addresses: ['10.244.0.5'], ports: [{ name: 'http', protocol: 'TCP', number: 8080 }] };
    assert.deepEqual(taken().pods, { 'shop/db': model });
    index.setNamespace('other', {});
    assert.deepEqual(taken(), { policies: {}, pods: { 'other/web': '' } });
  });

  it('pods of other nodes are isolated there', () => {
    index.setPod('shop/db', pod('shop', { app: 'db' }, { nodeName: 'there', ports: [] }));
    assert.deepEqual(taken().pods['shop/db'], undefined);
  });
});

it('cluster DNS is a peer of policies that select its pods', () => {
  const to = [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }];
  index.setPolicy('shop/p', policy('shop/p', { policyTypes: ['Egress'], egress: [{ to }] }));
  const peer = { pods: '{<none>}/k8s-app=kube-dns' };
  assert.deepEqual(taken().policies, { 'shop/p': { egress: [{ peers: [peer] }] } });
  index.setDns(dns);
  assert.deepEqual(taken(), { policies: {}, pods: { 'cluster-dns': dns.model } }, 'its namespace is not known');
  index.setNamespace('kube-system', {});
  assert.deepEqual(taken(), { policies: { 'shop/p': { egress: [{ peers: [peer, 'dns'] }] } }, pods: {} });
  index.setDns(undefined);
  assert.deepEqual(taken().policies, { 'shop/p': { egress: [{ peers: [peer] }] } });
});

it('a policy that cannot be read isolates, and is told of', () => {
  const broken = { matchExpressions: [{ key: 'a', operator: 'Near' as never }] };
  index.setPod('shop/db', pod('shop', { app: 'db' }, { ports: [] }));
  index.setPolicy('shop/p', policy('shop/p', { ingress: [{ from: [{ podSelector: broken }] }] }));
  index.setPolicy('shop/q', policy('shop/q', { podSelector: broken }));
  const { policies, pods, unreadable } = index.take();
  assert.deepEqual([...policies], [['shop/p', '{"ingress":[]}']]);
  assert.deepEqual([...pods], [['shop/db', '{"addresses":["10.244.0.5"],"ingress":["shop/p"]}']]);
  assert.deepEqual([...unreadable.keys()], ['shop/p', 'shop/q']);
});

/** One change of a small world. */
const labels = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'));
const selector = labels.map((matchLabels) => ({ matchLabels }));
const peer = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  selector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.tuple(selector, selector).map(([namespaceSelector, podSelector]) => ({ namespaceSelector, podSelector })),
);
const rules = fc.array(
  fc.tuple(
    fc.array(peer, { maxLength: 2 }),
    fc.constantFrom<NetworkPolicyPort[]>([], [{ port: 'http' }], [{ port: 'other' }]),
  ),
  { maxLength: 2 },
);
const spec = fc.tuple(selector, rules, rules, fc.subarray(['Ingress', 'Egress'] as const)).map(
  ([podSelector, ingress, egress, policyTypes]): NetworkPolicySpec => ({
    podSelector,
    policyTypes,
    ingress: ingress.map(([from, ports]) => ({ from, ports })),
    egress: egress.map(([to, ports]) => ({ to, ports })),
  }),
);
const namespace = fc.constantFrom('n1', 'n2', 'kube-system');
const change = fc.oneof(
  fc.tuple(namespace, fc.constantFrom('p', 'q'), fc.option(spec)).map(([where, name, of]) => (to: PolicyIndex) => {
    const key = `${where}/${name}`;
    to.setPolicy(key, of ? policy(key, of) : undefined);
  }),
  fc
    .tuple(namespace, fc.constantFrom('x', 'y', 'z'), fc.option(labels), fc.constantFrom('here', 'there'))
    .map(([where, name, of, nodeName]) => (to: PolicyIndex) => {
      to.setPod(`${where}/${name}`, of ? pod(where, of, { nodeName }) : undefined);
    }),
  fc.tuple(namespace, fc.option(labels)).map(
    ([name, of]) =>
      (to: PolicyIndex) =>
        to.setNamespace(name, of ?? undefined),
  ),
  fc.option(labels).map((of) => (to: PolicyIndex) => to.setDns(of ? { ...dns, labels: of } : undefined)),
);

it('changes end in what all at once gives', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(change, fc.boolean()), { maxLength: 30 }), (changes) => {
      const [changed, anew] = [new PolicyIndex('here'), new PolicyIndex('here')];
      const given = { policies: new Map<string, string>(), pods: new Map<string, string>() };
      const follow = () => {
        const { policies, pods } = changed.take();
        for (const [known, news] of [[given.policies, policies] as const, [given.pods, pods] as const]) {
          for (const [key, text] of news) {
            if (text) known.set(key, text);
            else known.delete(key);
          }
        }
      };
      for (const [make, look] of changes) {
        make(changed);
        make(anew);
        if (look) follow();
      }
      follow();
      anew.forget();
      const all = anew.take();
      const sorted = (map: Map<string, string>) => [...map].filter(([, text]) => text).sort();
      assert.deepEqual(sorted(given.policies), sorted(all.policies));
      assert.deepEqual(sorted(given.pods), sorted(all.pods));
    }),
    { numRuns: 300 },
  );
});
