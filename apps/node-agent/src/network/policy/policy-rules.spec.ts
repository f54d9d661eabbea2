import assert from 'node:assert/strict';
import type { NetworkPolicy, NetworkPolicySpec } from '#kinds';
import { compilePolicy, type PeerSelector, selects, withoutRules } from './policy-rules.js';
import type { PolicyModel } from './policy-table.js';

const policy = (spec: NetworkPolicySpec): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { namespace: 'shop', name: 'p' },
  spec,
});
const isOfDns = ({ namespace, pods }: PeerSelector) =>
  (namespace ?? 'kube-system') === 'kube-system' && pods.matches({ 'k8s-app': 'kube-dns' });

const web = { matchLabels: { app: 'web' } };
const table: [name: string, spec: NetworkPolicySpec, model: PolicyModel][] = [
  ['default deny of ingress', { podSelector: {}, policyTypes: ['Ingress'] }, { ingress: [] }],
  ['default deny of egress', { policyTypes: ['Egress'] }, { egress: [] }],
  ['both, by default only what has rules', { egress: [{}] }, { ingress: [], egress: [{}] }],
  ['no types and no egress', { ingress: [{}] }, { ingress: [{}] }],
  [
    'rules of a direction that the types leave out',
    { policyTypes: ['Ingress'], ingress: [{ from: [], ports: [] }], egress: [{}] },
    { ingress: [{}] },
  ],
  [
    'pods of its own namespace',
    { policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: web }, { podSelector: {} }] }] },
    { ingress: [{ peers: [{ pods: 'shop/app=web' }, { pods: 'shop/<none>' }] }] },
  ],
  [
    'pods of namespaces by their labels',
    {
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            { namespaceSelector: {} },
            {
              namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['b', 'a'] }] },
              podSelector: web,
            },
          ],
        },
      ],
    },
    { ingress: [{ peers: [{ pods: '{<none>}/<none>' }, { pods: '{team in (a,b)}/app=web' }] }] },
  ],
  [
    'ranges of addresses',
    {
      policyTypes: ['Egress'],
      egress: [
        { to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, { ipBlock: { cidr: 'fd00::/8' } }] },
      ],
    },
    {
      egress: [
        {
          peers: [
            { block: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
            { block: { cidr: 'fd00::/8', except: [] } },
          ],
        },
      ],
    },
  ],
  [
    'ports: one, a range, a name, all of a protocol',
    {
      policyTypes: ['Ingress'],
      ingress: [
        {
          ports: [
            { port: 80 },
            { protocol: 'UDP', port: 5000, endPort: 5100 },
            { protocol: 'TCP', port: 'http' },
            { protocol: 'SCTP' },
          ],
        },
      ],
    },
    {
      ingress: [
        {
          ports: [
            { protocol: 'TCP', which: { range: [80, 80] } },
            { protocol: 'UDP', which: { range: [5000, 5100] } },
            { protocol: 'TCP', which: { name: 'http' } },
            { protocol: 'SCTP' },
          ],
        },
      ],
    },
  ],
  [
    'pods of cluster DNS, as peers that are reached',
    {
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }] }],
      egress: [
        { to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }] },
        { to: [{ podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }] },
      ],
    },
    {
      ingress: [{ peers: [{ pods: '{<none>}/k8s-app=kube-dns' }] }],
      egress: [
        { peers: [{ pods: '{<none>}/k8s-app=kube-dns' }, 'dns'] },
        { peers: [{ pods: 'shop/k8s-app=kube-dns' }] },
      ],
    },
  ],
];
for (const [name, spec, model] of table) {
  test(`a policy becomes rules: ${name}`, () => {
    assert.deepEqual(compilePolicy(policy(spec), isOfDns).model, model);
  });
}

test('a policy names its selectors and ports once', () => {
  const rule = { from: [{ podSelector: web }], ports: [{ port: 'http' }] };
  const { selectors, portNames } = compilePolicy(policy({ ingress: [rule, rule] }), isOfDns);
  assert.deepEqual(
    selectors.map(({ id }) => id),
    ['shop/app=web'],
  );
  assert.deepEqual(portNames, ['http']);
});

test('a selector that cannot be read is told of', () => {
  const broken = { matchExpressions: [{ key: 'a', operator: 'Near' }] };
  const spec = { ingress: [{ from: [{ podSelector: broken }] }] } as NetworkPolicySpec;
  assert.throws(() => compilePolicy(policy(spec), isOfDns), /"Near" is not a valid label selector operator/);
});

test('a policy without rules isolates in the same directions', () => {
  assert.deepEqual(withoutRules({ ingress: [{}] }), { ingress: [] });
  assert.deepEqual(withoutRules({ ingress: [{}], egress: [{}] }), { ingress: [], egress: [] });
});

test('selectors select by namespace, or by its labels, and by pod', () => {
  const rules = [{ from: [{ podSelector: web }, { namespaceSelector: web }] }];
  const [own, labelled] = compilePolicy(policy({ ingress: rules }), isOfDns).selectors as [PeerSelector, PeerSelector];
  const pod = (namespace: string, labels?: Record<string, string>) => ({ namespace, labels });
  assert.equal(selects(own, pod('shop', { app: 'web' }), undefined), true);
  assert.equal(selects(own, pod('shop', { app: 'db' }), undefined), false);
  assert.equal(selects(own, pod('other', { app: 'web' }), { app: 'web' }), false);
  assert.equal(selects(labelled, pod('other'), { app: 'web' }), true);
  assert.equal(selects(labelled, pod('other'), {}), false);
  assert.equal(selects(labelled, pod('other'), undefined), false, 'nobody knows the namespace');
});
