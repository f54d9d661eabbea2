import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { deviceClaimRows, devices } from '../testing/device-claim-rows.js';
import { resourceClaimTemplateValidator } from './resource-claim-template.validation.js';

describeRules({
  path: 'resource.k8s.io/v1/resourceclaimtemplates',
  validator: resourceClaimTemplateValidator,
  valid: { spec: { metadata: { labels: { a: 'b' } }, spec: { devices: devices() } } },
  rows: {
    ...deviceClaimRows('spec.spec.devices', ({ spec }) => spec.spec.devices),
    'labels of the claims are well-formed': [
      {
        create: ({ spec }) => (spec.metadata.labels.a = '-'),
        errors: [`spec.metadata.labels: Invalid value: "-": ${words.labelValue}`],
      },
    ],
    'immutable: spec': [
      {
        update: (template) => (template.spec = { spec: {} }),
        errors: ['spec: Invalid value: {"spec":{}}: field is immutable'],
      },
    ],
  },
});
