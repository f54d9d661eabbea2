import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

/** The errors are those that the reference gives for the same object. */
const creates: [path: string, body: any, errors: string[]][] = [
  [
    'rbac.authorization.k8s.io/v1/roles',
    { metadata: { name: 'a/b' } },
    [`metadata.name: Invalid value: "a/b": may not contain '/'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { metadata: { name: 'a/b' } },
    [`metadata.name: Invalid value: "a/b": may not contain '/'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { metadata: { name: '..' } },
    [`metadata.name: Invalid value: "..": may not be '..'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { metadata: { name: '..' } },
    [`metadata.name: Invalid value: "..": may not be '..'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { metadata: { name: '.' } },
    [`metadata.name: Invalid value: ".": may not be '.'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { metadata: { name: '.' } },
    [`metadata.name: Invalid value: ".": may not be '.'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { metadata: { name: 'a%b' } },
    [`metadata.name: Invalid value: "a%b": may not contain '%'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { metadata: { name: 'a%b' } },
    [`metadata.name: Invalid value: "a%b": may not contain '%'`],
  ],
  ['rbac.authorization.k8s.io/v1/roles', { metadata: { name: 'System:A b' } }, []],
  ['rbac.authorization.k8s.io/v1/clusterroles', { metadata: { name: 'System:A b' } }, []],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { rules: [{ verbs: [] }] },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
      'rules[0].verbs: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { rules: [{ verbs: [] }] },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
      'rules[0].verbs: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    {
      rules: [
        { verbs: ['get'], apiGroups: [], resources: [] },
        { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
        {},
      ],
    },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
      'rules[2].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[2].resources: Required value: resource rules must supply at least one resource',
      'rules[2].verbs: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    {
      rules: [
        { verbs: ['get'], apiGroups: [], resources: [] },
        { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
        {},
      ],
    },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
      'rules[2].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[2].resources: Required value: resource rules must supply at least one resource',
      'rules[2].verbs: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { rules: [{ nonResourceURLs: ['/x'] }] },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      'rules[0].verbs: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { rules: [{ nonResourceURLs: ['/x'] }] },
    ['rules[0].verbs: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
  ],
  ['rbac.authorization.k8s.io/v1/clusterroles', { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] }, []],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x', '/y'], apiGroups: [''] }] },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x","/y"]: namespaced rules cannot apply to non-resource URLs',
      'rules[0].nonResourceURLs: Invalid value: ["/x","/y"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x', '/y'], apiGroups: [''] }] },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x","/y"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    {
      rules: [
        { verbs: ['get'], nonResourceURLs: ['/x'], resources: ['a'] },
        { verbs: ['get'], nonResourceURLs: ['/x'], resourceNames: ['a'] },
      ],
    },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
      'rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      'rules[1].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    {
      rules: [
        { verbs: ['get'], nonResourceURLs: ['/x'], resources: ['a'] },
        { verbs: ['get'], nonResourceURLs: ['/x'], resourceNames: ['a'] },
      ],
    },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
      'rules[1].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['Odd Thing'], resourceNames: [''] }] },
    [],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['Odd Thing'], resourceNames: [''] }] },
    [],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { aggregationRule: {} },
    [
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    {
      aggregationRule: {
        clusterRoleSelectors: [
          { matchLabels: { 'a b': 'c d' } },
          {
            matchExpressions: [
              { key: 'a', operator: 'In' },
              { key: 'a', operator: 'Exists', values: ['x'] },
              { key: 'a', operator: 'Odd', values: ['x'] },
              { key: '', operator: 'In', values: ['x y'] },
            ],
          },
        ],
      },
    },
    [
      `aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "a b": ${words.namePart}`,
      `aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "c d": ${words.labelValue}`,
      'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.',
      `aggregationRule.clusterRoleSelectors[1].matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
      `aggregationRule.clusterRoleSelectors[1].matchExpressions[1].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
      'aggregationRule.clusterRoleSelectors[1].matchExpressions[2].operator: Invalid value: "Odd": not a valid selector operator',
      'aggregationRule.clusterRoleSelectors[1].matchExpressions[3].key: Invalid value: "": name part must be non-empty',
      `aggregationRule.clusterRoleSelectors[1].matchExpressions[3].key: Invalid value: "": ${words.namePart}`,
      `aggregationRule.clusterRoleSelectors[1].matchExpressions[3].values[0]: Invalid value: "x y": ${words.labelValue}`,
      'aggregationRule.clusterRoleSelectors[1]: Invalid value: null: invalid label selector.',
    ],
  ],
  ['rbac.authorization.k8s.io/v1/clusterroles', { aggregationRule: { clusterRoleSelectors: [{}] } }, []],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'c d' } }] } },
    [
      `aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "c d": ${words.labelValue}`,
      'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.',
    ],
  ],
];

describe('creates', () => {
  for (const [path, body, errors] of creates) {
    it(`of ${path} ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [path: string, body: any, change: (object: any) => void, errors: string[]][] = [
  [
    'rbac.authorization.k8s.io/v1/roles',
    {},
    (r) => {
      r.rules = [{ verbs: [] }];
    },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
      'rules[0].verbs: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    {},
    (r) => {
      r.rules = [{ verbs: [] }];
    },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
      'rules[0].verbs: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { rules: [{ verbs: [], apiGroups: [''], resources: ['pods'] }] },
    (r) => {
      r.rules[0].resources = ['nodes'];
    },
    ['rules[0].verbs: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { rules: [{ verbs: [], apiGroups: [''], resources: ['pods'] }] },
    (r) => {
      r.rules[0].resources = ['nodes'];
    },
    ['rules[0].verbs: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/roles',
    { rules: [{ verbs: ['get'] }] },
    (r) => {
      r.metadata.labels = { a: 'b' };
    },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { rules: [{ verbs: ['get'] }] },
    (r) => {
      r.metadata.labels = { a: 'b' };
    },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { aggregationRule: {} },
    (r) => {
      r.metadata.labels = { a: 'b' };
    },
    [
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'c d' } }] } },
    (r) => {
      r.metadata.labels = { a: 'b' };
    },
    [
      `aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "c d": ${words.labelValue}`,
      'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterroles',
    {},
    (r) => {
      r.aggregationRule = {
        clusterRoleSelectors: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['c d'] }] }],
      };
    },
    [
      `aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values[0]: Invalid value: "c d": ${words.labelValue}`,
      'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.',
    ],
  ],
];

describe('updates', () => {
  for (const [path, body, change, errors] of updates) {
    it(`of ${path} ${JSON.stringify(body).slice(0, 40)} by ${change}`, () =>
      assert.deepEqual(updated(path, body, change).errors, errors));
  }
});
