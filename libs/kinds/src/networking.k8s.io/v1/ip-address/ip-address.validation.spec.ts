import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { ipAddressValidator } from './ip-address.validation.js';

describeRules({
  path: 'networking.k8s.io/v1/ipaddresses',
  validator: ipAddressValidator,
  valid: {
    metadata: { name: '10.0.0.1' },
    spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'kubernetes' } },
  },
  rows: {
    'spec.parentRef is required, with resource and name': [
      { create: (item) => (item.spec = {}), errors: ['spec.parentRef: Required value'] },
      {
        create: ({ spec }) => (spec.parentRef = { namespace: 'a/b' }),
        errors: [
          `spec.parentRef.namespace: Invalid value: "a/b": may not contain '/'`,
          'spec.parentRef.resource: Required value',
          'spec.parentRef.name: Required value',
        ],
      },
    ],
    'parentRef: the group is a DNS name, the others are segments of a path': [
      {
        create: ({ spec }) => (spec.parentRef = { group: 'A', resource: '..', name: 'a%', namespace: '.' }),
        errors: [
          `spec.parentRef.group: Invalid value: "A": ${words.subdomain}`,
          `spec.parentRef.resource: Invalid value: "..": may not be '..'`,
          `spec.parentRef.name: Invalid value: "a%": may not contain '%'`,
          `spec.parentRef.namespace: Invalid value: ".": may not be '.'`,
        ],
      },
    ],
    'the name is an IP address in canonical form': [
      {
        create: ({ metadata }) => (metadata.name = 'a'),
        errors: [`metadata.name: Invalid value: "a": ${words.ipForm}`],
      },
      {
        create: ({ metadata }) => (metadata.name = '2001:DB8::1'),
        errors: ['metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")'],
      },
      { create: ({ metadata }) => (metadata.name = '2001:db8::1'), errors: [] },
    ],
    'immutable: spec.parentRef': [
      {
        update: ({ spec }) => (spec.parentRef.name = ''),
        errors: ['spec.parentRef: Invalid value: null: field is immutable'],
      },
    ],
  },
});
