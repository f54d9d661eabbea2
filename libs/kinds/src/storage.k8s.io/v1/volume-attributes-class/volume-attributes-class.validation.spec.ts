import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { volumeAttributesClassValidator } from './volume-attributes-class.validation.js';

describeRules({
  path: 'storage.k8s.io/v1/volumeattributesclasses',
  validator: volumeAttributesClassValidator,
  valid: { driverName: 'disk.example.com', parameters: { iops: '3' } },
  rows: {
    'driverName is required and a qualified name': [
      { create: (item) => (item.driverName = ''), errors: ['driverName: Required value'] },
      {
        create: (item) => (item.driverName = '_'),
        errors: [`driverName: Invalid value: "_": ${words.namePart}`],
      },
    ],
    'parameters: 1 to 512 entries, at most 262144 bytes, no empty key': [
      {
        create: (item) => (item.parameters = {}),
        errors: ['parameters: Required value: must contain at least one key/value pair'],
      },
      {
        create: (item) => (item.parameters = { '': 'x'.repeat(262_145) }),
        errors: [
          'parameters: Invalid value: "": field can not be empty.',
          'parameters: Too long: may not be more than 262144 bytes',
        ],
      },
    ],
    'immutable: driverName, parameters': [
      {
        update: (item) => Object.assign(item, { driverName: 'b', parameters: { iops: '4' } }),
        errors: [
          'driverName: Forbidden: updates to driverName are forbidden.',
          'parameters: Forbidden: updates to parameters are forbidden.',
        ],
      },
    ],
  },
});
