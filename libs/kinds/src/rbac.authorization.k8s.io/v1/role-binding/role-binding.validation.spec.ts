import assert from 'node:assert/strict';
import { createErrors, updated, words } from '../../../testing/spec-support.js';

const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' };

/** The errors are those that the reference gives for the same object. */
const creates: [path: string, body: any, errors: string[]][] = [
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { metadata: { name: 'a/b' }, roleRef },
    [`metadata.name: Invalid value: "a/b": may not contain '/'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { metadata: { name: 'a/b' }, roleRef },
    [`metadata.name: Invalid value: "a/b": may not contain '/'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    {},
    ['roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole"', 'roleRef.name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    {},
    ['roleRef.kind: Unsupported value: "": supported values: "ClusterRole"', 'roleRef.name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef: { kind: 'Role', name: 'a/b' } },
    [`roleRef.name: Invalid value: "a/b": may not contain '/'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef: { kind: 'Role', name: 'a/b' } },
    [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      `roleRef.name: Invalid value: "a/b": may not contain '/'`,
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef: { apiGroup: 'x', kind: 'Odd', name: '' } },
    [
      'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'roleRef.kind: Unsupported value: "Odd": supported values: "Role", "ClusterRole"',
      'roleRef.name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef: { apiGroup: 'x', kind: 'Odd', name: '' } },
    [
      'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'roleRef.kind: Unsupported value: "Odd": supported values: "ClusterRole"',
      'roleRef.name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef: { apiGroup: '', kind: 'ClusterRole', name: '..' } },
    [`roleRef.name: Invalid value: "..": may not be '..'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef: { apiGroup: '', kind: 'ClusterRole', name: '..' } },
    [`roleRef.name: Invalid value: "..": may not be '..'`],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef, subjects: [{}] },
    [
      'subjects[0].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef, subjects: [{}] },
    [
      'subjects[0].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    {
      roleRef,
      subjects: [
        { kind: 'ServiceAccount' },
        { kind: 'ServiceAccount', name: 'A:b', apiGroup: 'x', namespace: 'n' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    },
    [
      `subjects[1].name: Invalid value: "A:b": ${words.subdomain}`,
      'subjects[1].apiGroup: Unsupported value: "x": supported values: ""',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    {
      roleRef,
      subjects: [
        { kind: 'ServiceAccount' },
        { kind: 'ServiceAccount', name: 'A:b', apiGroup: 'x', namespace: 'n' },
        { kind: 'ServiceAccount', name: 's' },
      ],
    },
    [
      'subjects[0].namespace: Required value',
      `subjects[1].name: Invalid value: "A:b": ${words.subdomain}`,
      'subjects[1].apiGroup: Unsupported value: "x": supported values: ""',
      'subjects[2].namespace: Required value',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    {
      roleRef,
      subjects: [
        { kind: 'User' },
        { kind: 'User', name: 'a b', apiGroup: 'x' },
        { kind: 'User', name: 'u', apiGroup: '' },
      ],
    },
    [
      'subjects[1].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    {
      roleRef,
      subjects: [
        { kind: 'User' },
        { kind: 'User', name: 'a b', apiGroup: 'x' },
        { kind: 'User', name: 'u', apiGroup: '' },
      ],
    },
    [
      'subjects[1].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    {
      roleRef,
      subjects: [{ kind: 'Group' }, { kind: 'Group', name: 'a b', apiGroup: 'x' }, { kind: 'Odd', name: 'o' }],
    },
    [
      'subjects[1].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'subjects[2].kind: Unsupported value: "Odd": supported values: "ServiceAccount", "User", "Group"',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    {
      roleRef,
      subjects: [{ kind: 'Group' }, { kind: 'Group', name: 'a b', apiGroup: 'x' }, { kind: 'Odd', name: 'o' }],
    },
    [
      'subjects[1].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'subjects[2].kind: Unsupported value: "Odd": supported values: "ServiceAccount", "User", "Group"',
      'subjects[0].name: Required value',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef, subjects: [{ kind: 'ServiceAccount', name: 's', namespace: 'A_b' }] },
    [],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef, subjects: [{ kind: 'ServiceAccount', name: 's', namespace: 'A_b' }] },
    [],
  ],
];

describe('creates', () => {
  for (const [path, body, errors] of creates) {
    it(`of ${path} ${JSON.stringify(body).slice(0, 90)}`, () => assert.deepEqual(createErrors(path, body), errors));
  }
});

const updates: [path: string, body: any, change: (object: any) => void, errors: string[]][] = [
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef },
    (b) => {
      b.roleRef.name = 's';
    },
    [
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"s"}: field is immutable',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef },
    (b) => {
      b.roleRef.name = 's';
    },
    [
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"s"}: field is immutable',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef },
    (b) => {
      b.roleRef.name = '';
    },
    [
      'roleRef.name: Required value',
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":""}: field is immutable',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef },
    (b) => {
      b.roleRef.name = '';
    },
    [
      'roleRef.name: Required value',
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":""}: field is immutable',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef },
    (b) => {
      b.roleRef.kind = 'Odd';
    },
    [
      'roleRef.kind: Unsupported value: "Odd": supported values: "Role", "ClusterRole"',
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Odd","Name":"r"}: field is immutable',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef },
    (b) => {
      b.roleRef.kind = 'Odd';
    },
    [
      'roleRef.kind: Unsupported value: "Odd": supported values: "ClusterRole"',
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Odd","Name":"r"}: field is immutable',
    ],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef },
    (b) => {
      b.subjects = [{ kind: 'User', name: '' }];
    },
    ['subjects[0].name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef },
    (b) => {
      b.subjects = [{ kind: 'User', name: '' }];
    },
    ['subjects[0].name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef, subjects: [{ kind: 'User', name: '' }] },
    (b) => {
      b.metadata.labels = { a: 'b' };
    },
    ['subjects[0].name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef, subjects: [{ kind: 'User', name: '' }] },
    (b) => {
      b.metadata.labels = { a: 'b' };
    },
    ['subjects[0].name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef, subjects: [{ kind: 'User', name: '' }] },
    (b) => {
      b.subjects[0].kind = 'Group';
    },
    ['subjects[0].name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef, subjects: [{ kind: 'User', name: '' }] },
    (b) => {
      b.subjects[0].kind = 'Group';
    },
    ['subjects[0].name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/rolebindings',
    { roleRef: { ...roleRef, name: '' } },
    (b) => {
      b.metadata.labels = { a: 'b' };
    },
    ['roleRef.name: Required value'],
  ],
  [
    'rbac.authorization.k8s.io/v1/clusterrolebindings',
    { roleRef: { ...roleRef, name: '' } },
    (b) => {
      b.metadata.labels = { a: 'b' };
    },
    ['roleRef.name: Required value'],
  ],
];

describe('updates', () => {
  for (const [path, body, change, errors] of updates) {
    it(`of ${path} ${JSON.stringify(body).slice(0, 40)} by ${change}`, () =>
      assert.deepEqual(updated(path, body, change).errors, errors));
  }
});
