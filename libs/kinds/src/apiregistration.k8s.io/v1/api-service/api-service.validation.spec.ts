import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { apiServiceValidator } from './api-service.validation.js';

describeRules({
  path: 'apiregistration.k8s.io/v1/apiservices',
  validator: apiServiceValidator,
  valid: {
    metadata: { name: 'v1beta1.metrics.example.com' },
    spec: {
      group: 'metrics.example.com',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { namespace: 'kube-system', name: 'metrics' },
    },
  },
  rows: {
    'the name is <version>.<group>': [
      {
        create: ({ metadata }) => (metadata.name = 'v1.x'),
        errors: [
          'metadata.name: Invalid value: "v1.x": must be `spec.version+"."+spec.group`: "v1beta1.metrics.example.com"',
        ],
      },
      {
        update: ({ spec }) => (spec.version = 'v1'),
        errors: [
          'metadata.name: Invalid value: "v1beta1.metrics.example.com": must be `spec.version+"."+spec.group`: "v1.metrics.example.com"',
        ],
      },
    ],
    'spec.group is a DNS name, and empty only with v1': [
      {
        create: (item) => {
          item.metadata.name = 'v1beta1.';
          item.spec.group = '';
        },
        errors: ['spec.group: Required value: only v1 may have an empty group and it better be legacy kube'],
      },
      {
        create: (item) => {
          item.metadata.name = 'v1beta1.A';
          item.spec.group = 'A';
        },
        errors: [`spec.group: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'spec.version is a DNS label': [
      {
        create: (item) => {
          item.metadata.name = '1.metrics.example.com';
          item.spec.version = '1';
        },
        errors: [
          "spec.version: Invalid value: \"1\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        ],
      },
    ],
    'groupPriorityMinimum is 1 to 20000, versionPriority 1 to 1000': [
      {
        create: ({ spec }) => Object.assign(spec, { groupPriorityMinimum: 20_001, versionPriority: 0 }),
        errors: [
          'spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000',
          'spec.versionPriority: Invalid value: 0: must be positive and less than 1000',
        ],
      },
    ],
    'local ones have no caBundle and no insecureSkipTLSVerify': [
      {
        create: ({ spec }) =>
          Object.assign(spec, { service: undefined, caBundle: 'AAAA', insecureSkipTLSVerify: true }),
        errors: [
          'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
          'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
        ],
      },
    ],
    'service has namespace, name and port': [
      {
        create: ({ spec }) => (spec.service = { port: 0 }),
        errors: [
          'spec.service.namespace: Required value',
          'spec.service.name: Required value',
          'spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
        ],
      },
    ],
    'insecureSkipTLSVerify excludes caBundle': [
      {
        create: ({ spec }) => Object.assign(spec, { caBundle: 'AAAA', insecureSkipTLSVerify: true }),
        errors: ['spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present'],
      },
    ],
    'status: conditions are True, False or Unknown': [
      {
        endpoint: 'status',
        update: (item) => (item.status = { conditions: [{ type: 'Available', status: 'Maybe' }] }),
        errors: [
          'status.conditions[0].status: Unsupported value: "Maybe": supported values: "True", "False", "Unknown"',
        ],
      },
    ],
  },
});
