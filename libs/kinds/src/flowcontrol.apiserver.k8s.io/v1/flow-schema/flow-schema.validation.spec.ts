import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { flowSchemaValidator } from './flow-schema.validation.js';
import { mandatoryFlowSchemas } from './mandatory-flow-schemas.js';

const rule = 'spec.rules[0]';
const verbs = '"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"';
const fixed = (name: string) => structuredClone(mandatoryFlowSchemas.get(name));
const condition = { type: 'Dangling', status: 'False' };

describeRules({
  path: 'flowcontrol.apiserver.k8s.io/v1/flowschemas',
  validator: flowSchemaValidator,
  valid: {
    spec: {
      matchingPrecedence: 1000,
      priorityLevelConfiguration: { name: 'workload-low' },
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        {
          subjects: [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'n', name: '*' } }],
          resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['n'] }],
          nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/', '/healthz/*'] }],
        },
      ],
    },
  },
  rows: {
    'matchingPrecedence is 1 to 10000, and 1 only for exempt': [
      {
        create: ({ spec }) => (spec.matchingPrecedence = -1),
        errors: ['spec.matchingPrecedence: Invalid value: -1: must be a positive value'],
      },
      {
        create: ({ spec }) => (spec.matchingPrecedence = 10_001),
        errors: ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000'],
      },
      {
        create: ({ spec }) => (spec.matchingPrecedence = 1),
        errors: [
          "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
        ],
      },
    ],
    'distinguisherMethod.type is one of ByNamespace, ByUser': [
      {
        create: ({ spec }) => (spec.distinguisherMethod.type = 'ByVerb'),
        errors: [
          'spec.distinguisherMethod.type: Unsupported value: {"Type":"ByVerb"}: supported values: "ByNamespace", "ByUser"',
        ],
      },
    ],
    'priorityLevelConfiguration has a name': [
      {
        create: ({ spec }) => (spec.priorityLevelConfiguration = {}),
        errors: ['spec.priorityLevelConfiguration.name: Required value: must reference a priority level'],
      },
      {
        create: ({ spec }) => (spec.priorityLevelConfiguration.name = 'A'),
        errors: [`spec.priorityLevelConfiguration.name: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'rules have subjects, and resourceRules or nonResourceRules': [
      {
        create: ({ spec }) => (spec.rules = [{}]),
        errors: [
          `${rule}.subjects: Required value: subjects must contain at least one value`,
          `${rule}: Required value: at least one of resourceRules and nonResourceRules has to be non-empty`,
        ],
      },
    ],
    'subjects.kind is one of Group, ServiceAccount, User; its block has a name, and there is no other block': [
      {
        create: ({ spec }) =>
          (spec.rules[0].subjects = [
            { kind: 'Robot' },
            { kind: 'User', group: { name: 'g' } },
            { kind: 'Group', group: { name: '' }, user: { name: 'u' } },
            { kind: 'ServiceAccount', serviceAccount: { name: 'A' } },
          ]),
        errors: [
          `${rule}.subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"`,
          `${rule}.subjects[1].user: Required value: user is required when subject kind is 'User'`,
          `${rule}.subjects[1].group: Forbidden: group is forbidden when subject kind is not 'Group'`,
          `${rule}.subjects[2].group.name: Required value`,
          `${rule}.subjects[2].user: Forbidden: user is forbidden when subject kind is not 'User'`,
          `${rule}.subjects[3].serviceAccount.name: Invalid value: "A": ${words.subdomain}`,
          `${rule}.subjects[3].serviceAccount.namespace: Required value: must specify namespace for service account`,
        ],
      },
    ],
    'resourceRules: known verbs, groups, resources, and namespaces unless clusterScope; * excludes the others': [
      {
        create: ({ spec }) => (spec.rules[0].resourceRules = [{}]),
        errors: [
          `${rule}.resourceRules[0].verbs: Required value: verbs must contain at least one value`,
          `${rule}.resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group`,
          `${rule}.resourceRules[0].resources: Required value: resource rules must supply at least one resource`,
          `${rule}.resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`,
        ],
      },
      {
        create: ({ spec }) =>
          (spec.rules[0].resourceRules = [
            { verbs: ['*', 'get'], apiGroups: ['*', 'a'], resources: ['*', 'a'], namespaces: ['*', 'a'] },
            { verbs: ['read'], apiGroups: [''], resources: ['pods'], namespaces: ['A'] },
          ]),
        errors: [
          `${rule}.resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`,
          `${rule}.resourceRules[0].apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other api groups`,
          `${rule}.resourceRules[0].resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources`,
          `${rule}.resourceRules[0].namespaces: Invalid value: ["*","a"]: if '*' is present, must not specify other namespaces`,
          `${rule}.resourceRules[1].verbs: Unsupported value: ["read"]: supported values: ${verbs}`,
          `${rule}.resourceRules[1].namespaces[0]: Invalid value: "A": each member of this list must be '*' or a DNS-1123 label; ${words.label}`,
        ],
      },
    ],
    'nonResourceRules: known verbs, paths with * at the end only; * excludes the others': [
      {
        create: ({ spec }) => (spec.rules[0].nonResourceRules = [{ verbs: ['get'] }]),
        errors: [
          `${rule}.nonResourceRules[0].nonResourceURLs: Required value: nonResourceURLs must contain at least one value`,
        ],
      },
      {
        create: ({ spec }) =>
          (spec.rules[0].nonResourceRules = [
            { verbs: ['*'], nonResourceURLs: ['*', '/'] },
            { verbs: ['*'], nonResourceURLs: ['', 'a', '/a b', '/a//b', '/a*'] },
          ]),
        errors: [
          `${rule}.nonResourceRules[0].nonResourceURLs: Invalid value: ["*","/"]: if '*' is present, must not specify other non-resource URLs`,
          `${rule}.nonResourceRules[1].nonResourceURLs[0]: Invalid value: "": must not be empty`,
          `${rule}.nonResourceRules[1].nonResourceURLs[1]: Invalid value: "a": must start with slash`,
          `${rule}.nonResourceRules[1].nonResourceURLs[2]: Invalid value: "/a b": must not contain white-space`,
          `${rule}.nonResourceRules[1].nonResourceURLs[3]: Invalid value: "/a//b": must not contain double slash`,
          `${rule}.nonResourceRules[1].nonResourceURLs[4]: Invalid value: "/a*": wildcard can only do suffix matching`,
        ],
      },
    ],
    'exempt and catch-all have a fixed spec': [
      {
        create: (schema) => Object.assign(schema, { metadata: { name: 'exempt' }, spec: fixed('exempt') }),
        errors: [],
      },
      {
        create: (schema) => {
          Object.assign(schema, { metadata: { name: 'catch-all' }, spec: fixed('catch-all') });
          schema.spec.rules = [];
        },
        errors: [
          `spec: Invalid value: {"PriorityLevelConfiguration":{"Name":"catch-all"},"MatchingPrecedence":10000,"DistinguisherMethod":{"Type":"ByUser"},"Rules":null}: spec of 'catch-all' must equal the fixed value`,
        ],
      },
    ],
    'status: types of conditions are set and unique': [
      {
        endpoint: 'status',
        update: (schema) => (schema.status = { conditions: [condition, condition, {}] }),
        errors: ['status.conditions[1].type: Duplicate value: "Dangling"', 'status.conditions[2].type: Required value'],
      },
    ],
  },
});
