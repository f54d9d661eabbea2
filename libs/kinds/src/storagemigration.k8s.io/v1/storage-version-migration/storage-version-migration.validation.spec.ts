import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { storageVersionMigrationValidator } from './storage-version-migration.validation.js';

const condition = (type: string, status = 'True') => ({
  type,
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const label =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const shown = (type: string, status = 'True') =>
  `[{"lastTransitionTime":"2026-01-01T00:00:00Z","message":"","reason":"R","status":"${status}","type":"${type}"}]`;

describeRules({
  path: 'storagemigration.k8s.io/v1/storageversionmigrations',
  validator: storageVersionMigrationValidator,
  valid: { spec: { resource: { resource: 'secrets' } } },
  rows: {
    'spec.resource: resource is required, a DNS label; group is a DNS name': [
      {
        create: ({ spec }) => (spec.resource = { group: 'A' }),
        errors: [
          'spec.resource.resource: Required value: resource is required to be set',
          `spec.resource.group: Invalid value: "A": ${words.subdomain}`,
        ],
      },
      {
        create: ({ spec }) => (spec.resource.resource = '1'),
        errors: [`spec.resource.resource: Invalid value: "1": ${label}`],
      },
    ],
    'immutable: spec': [
      {
        update: ({ spec }) => (spec.resource.resource = 'pods'),
        errors: ['spec: Invalid value: {"Resource":{"Group":"","Resource":"pods"}}: field is immutable'],
      },
    ],
    'status: conditions are well-formed': [
      {
        endpoint: 'status',
        update: (item) => (item.status = { conditions: [{ ...condition('Running'), reason: '' }] }),
        errors: ['status.conditions[0].reason: Required value'],
      },
    ],
    'status: Succeeded and Failed exclude each other and stay true': [
      {
        endpoint: 'status',
        stored: (item) => (item.status = { conditions: [condition('Succeeded')] }),
        update: ({ status }) => (status.conditions = [condition('Succeeded', 'False')]),
        errors: [
          `status.conditions: Invalid value: ${shown('Succeeded', 'False')}: Success condition cannot be set to false once it is true`,
        ],
      },
      {
        endpoint: 'status',
        stored: (item) => (item.status = { conditions: [condition('Failed')] }),
        update: ({ status }) => (status.conditions = [condition('Running')]),
        errors: [
          `status.conditions: Invalid value: ${shown('Running')}: Failed condition cannot be set to false once it is true`,
        ],
      },
      {
        endpoint: 'status',
        update: (item) => (item.status = { conditions: [condition('Failed'), condition('Succeeded')] }),
        errors: [
          `status.conditions: Invalid value: [${shown('Failed').slice(1, -1)},${shown('Succeeded').slice(1, -1)}]: Both success and failed conditions cannot be true at the same time`,
        ],
      },
    ],
    'status: resourceVersion is a whole number, and immutable once set': [
      {
        endpoint: 'status',
        stored: (item) => (item.status = { resourceVersion: '5' }),
        update: ({ status }) => (status.resourceVersion = '07'),
        errors: [
          'status.resourceVersion: Invalid value: "07": resource version is not well formed: 07',
          'status.resourceVersion: Invalid value: "07": field is immutable',
        ],
      },
    ],
  },
});
