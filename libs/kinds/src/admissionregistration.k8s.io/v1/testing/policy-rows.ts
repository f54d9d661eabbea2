import type { RuleTable } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { reservedName } from './webhook-rows.js';

const label1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

const reserved: RuleTable['rows'] = {
  'names that end in .static.k8s.io are reserved': [
    { create: (item) => (item.metadata = { name: 'a.static.k8s.io' }), errors: [reservedName('a.static.k8s.io')] },
  ],
};

export const matchConstraints = () => ({
  resourceRules: [{ operations: ['CREATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }],
});

/** Rows of both kinds of policy. */
export const policyRows: RuleTable['rows'] = {
  ...reserved,
  'failurePolicy is required, one of Fail, Ignore': [
    {
      create: ({ spec }) => (spec.failurePolicy = 'Log'),
      errors: ['spec.failurePolicy: Unsupported value: "Log": supported values: "Fail", "Ignore"'],
    },
  ],
  'paramKind: an apiVersion with a version, and a kind': [
    {
      create: ({ spec }) => (spec.paramKind = {}),
      errors: ['spec.paramKind.apiVersion: Required value', 'spec.paramKind.kind: Required value'],
    },
    {
      create: ({ spec }) => (spec.paramKind = { apiVersion: 'A/1', kind: '1' }),
      errors: [
        `spec.paramKind.apiVersion: Invalid value: "A": ${words.subdomain}`,
        `spec.paramKind.apiVersion: Invalid value: "1": ${label1035}`,
        `spec.paramKind.kind: Invalid value: "1": may have mixed case, but should otherwise match: ${label1035}`,
      ],
    },
    {
      create: ({ spec }) => (spec.paramKind = { apiVersion: 'a/', kind: 'ConfigMap' }),
      errors: ['spec.paramKind.apiVersion: Invalid value: "a/": version must be specified'],
    },
  ],
  'matchConstraints are required, with matchPolicy, both selectors and at least one resource rule': [
    {
      create: ({ spec }) => delete spec.matchConstraints,
      errors: ['spec.matchConstraints: Required value'],
    },
    {
      create: ({ spec }) =>
        (spec.matchConstraints = { matchPolicy: 'Any', objectSelector: { matchLabels: { a: '-' } } }),
      errors: [
        'spec.matchConstraints.matchPolicy: Unsupported value: "Any": supported values: "Equivalent", "Exact"',
        `spec.matchConstraints.objectSelector.matchLabels: Invalid value: "-": ${words.labelValue}`,
        'spec.matchConstraints.resourceRules: Required value',
      ],
    },
    {
      create: ({ spec }) => (spec.matchConstraints.resourceRules[0].resourceNames = ['a', 'a', 'b/c']),
      errors: [
        'spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "a"',
        `spec.matchConstraints.resourceRules[0].resourceNames[2]: Invalid value: "b/c": may not contain '/'`,
      ],
    },
  ],
  'matchConditions: at most 64, with unique names and an expression': [
    {
      create: ({ spec }) => (spec.matchConditions = [{ name: '-', expression: '' }]),
      errors: [
        'spec.matchConditions[0].expression: Required value',
        `spec.matchConditions[0].name: Invalid value: "-": ${words.namePart}`,
      ],
    },
    {
      stored: ({ spec }) => (spec.matchConditions = [{ name: '', expression: '' }]),
      update: ({ spec }) => (spec.failurePolicy = 'Ignore'),
      errors: [],
    },
  ],
  'variables: a CEL identifier and an expression': [
    {
      create: ({ spec }) =>
        (spec.variables = [
          { name: ' ', expression: ' ' },
          { name: 'a-b', expression: '1' },
          { name: 'null', expression: '1' },
        ]),
      errors: [
        'spec.variables[0].name: Required value: name is not specified',
        'spec.variables[0].expression: Required value: expression is not specified',
        'spec.variables[1].name: Invalid value: "a-b": must be a valid CEL identifier',
        'spec.variables[2].name: Invalid value: "null": must be a valid CEL identifier',
      ],
    },
  ],
};

/** Rows of both kinds of binding. */
export const bindingRows: RuleTable['rows'] = {
  ...reserved,
  'paramRef: exactly one of name and selector; parameterNotFoundAction is one of Deny, Allow': [
    {
      create: ({ spec }) => (spec.paramRef = { name: 'a/b', selector: { matchLabels: { a: '-' } } }),
      errors: [
        `spec.paramRef.name: Invalid value: "a/b": may not contain '/'`,
        'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
        `spec.paramRef.selector.matchLabels: Invalid value: "-": ${words.labelValue}`,
        'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
        'spec.paramRef.parameterNotFoundAction: Required value',
      ],
    },
    {
      create: ({ spec }) => (spec.paramRef = { parameterNotFoundAction: 'Log' }),
      errors: [
        'spec.paramRef: Required value: one of name or selector must be specified',
        'spec.paramRef.parameterNotFoundAction: Unsupported value: "Log": supported values: "Deny", "Allow"',
      ],
    },
  ],
};
