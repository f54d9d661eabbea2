import { describeRules } from '../../../testing/rule-table.js';
import { controllerRevisionValidator } from './controller-revision.validation.js';

describeRules({
  path: 'apps/v1/controllerrevisions',
  validator: controllerRevisionValidator,
  valid: { revision: 1, data: { spec: { a: 1 } } },
  rows: {
    'data is required, a JSON object': [
      { create: (item) => delete item.data, errors: ['data: Required value: data is mandatory'] },
      { create: (item) => (item.data = 'x'), errors: ['data: Required value: data must be a valid JSON object'] },
    ],
    'revision is not negative': [
      {
        create: (item) => (item.revision = -1),
        errors: ['revision: Invalid value: -1: must be greater than or equal to 0'],
      },
    ],
    'immutable: data': [
      { update: (item) => (item.revision = 2), errors: [] },
      {
        update: (item) => (item.data.spec.a = 2),
        errors: ['data: Invalid value: {"spec":{"a":2}}: field is immutable'],
      },
    ],
  },
});
