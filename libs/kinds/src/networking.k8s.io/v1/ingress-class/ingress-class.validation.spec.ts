import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { ingressClassValidator } from './ingress-class.validation.js';

describeRules({
  path: 'networking.k8s.io/v1/ingressclasses',
  validator: ingressClassValidator,
  valid: {
    spec: { controller: 'example.com/nginx', parameters: { apiGroup: 'example.com', kind: 'Setup', name: 'a' } },
  },
  rows: {
    'controller: a domain-prefixed path of at most 250 bytes': [
      { create: ({ spec }) => (spec.controller = ''), errors: ['spec.controller: Required value'] },
      {
        create: ({ spec }) => (spec.controller = 'nginx'),
        errors: ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")'],
      },
      {
        create: ({ spec }) => (spec.controller = `example.com/${'a'.repeat(239)}`),
        errors: ['spec.controller: Too long: may not be more than 250 bytes'],
      },
    ],
    'parameters: kind and name are required': [
      {
        create: ({ spec }) => (spec.parameters = { apiGroup: 'A', scope: 'World' }),
        errors: [
          `spec.parameters.apiGroup: Invalid value: "A": ${words.subdomain}`,
          'spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"',
          'spec.parameters.kind: Required value',
          'spec.parameters.name: Required value',
        ],
      },
    ],
    'parameters.scope is one of Cluster, Namespace': [
      {
        create: ({ spec }) => (spec.parameters.scope = ''),
        errors: ['spec.parameters.scope: Unsupported value: "": supported values: "Cluster", "Namespace"'],
      },
    ],
    'parameters.namespace is required with scope Namespace and forbidden with Cluster': [
      {
        create: ({ spec }) => (spec.parameters.scope = 'Namespace'),
        errors: ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
      },
      {
        create: ({ spec }) => (spec.parameters.namespace = 'a'),
        errors: ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
      },
    ],
    'immutable: spec.controller': [
      {
        update: ({ spec }) => (spec.controller = 'x'),
        errors: [
          'spec.controller: Invalid value: "x": field is immutable',
          'spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")',
        ],
      },
    ],
  },
});
