import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { storageClassValidator } from './storage-class.validation.js';

const immutable = (name: string) => `${name}: Invalid value: null: field is immutable`;
const zone = (...values: string[]) => ({ matchLabelExpressions: [{ key: 'zone', values }] });

describeRules({
  path: 'storage.k8s.io/v1/storageclasses',
  validator: storageClassValidator,
  valid: { provisioner: 'Example.com/Disk', parameters: { a: 'b' }, allowedTopologies: [zone('a', 'b'), zone('c')] },
  rows: {
    'provisioner is required and a qualified name': [
      { create: (item) => (item.provisioner = ''), errors: ['provisioner: Required value'] },
      {
        create: (item) => (item.provisioner = '_A'),
        errors: [`provisioner: Invalid value: "_a": ${words.namePart}`],
      },
    ],
    'parameters: at most 512 entries and 262144 bytes, no empty key': [
      {
        create: (item) => (item.parameters = { '': 'a' }),
        errors: ['parameters: Invalid value: "": field can not be empty.'],
      },
      {
        create: (item) => (item.parameters = { a: 'x'.repeat(262_144) }),
        errors: ['parameters: Too long: may not be more than 262144 bytes'],
      },
      {
        create: (item) => (item.parameters = Object.fromEntries(Array.from({ length: 513 }, (_, i) => [`k${i}`, '']))),
        errors: ['parameters: Too long: may not be more than 512 bytes'],
      },
    ],
    'reclaimPolicy is one of Delete, Retain': [
      {
        create: (item) => (item.reclaimPolicy = 'Recycle'),
        errors: ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"'],
      },
    ],
    'volumeBindingMode is one of Immediate, WaitForFirstConsumer': [
      {
        create: (item) => (item.volumeBindingMode = 'Late'),
        errors: ['volumeBindingMode: Unsupported value: "Late": supported values: "Immediate", "WaitForFirstConsumer"'],
      },
    ],
    'allowedTopologies: terms are unique, keys unique within a term, values there and unique': [
      {
        create: (item) => (item.allowedTopologies = [zone('a', 'b'), zone('b', 'a')]),
        errors: ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'],
      },
      {
        create: (item) =>
          (item.allowedTopologies = [
            { matchLabelExpressions: [{ key: '' }, { key: 'a', values: ['b', 'b'] }, { key: 'a', values: ['c'] }] },
          ]),
        errors: [
          'allowedTopologies[0].matchLabelExpressions[0].values: Required value',
          'allowedTopologies[0].matchLabelExpressions[0].key: Invalid value: "": name part must be non-empty',
          `allowedTopologies[0].matchLabelExpressions[0].key: Invalid value: "": ${words.namePart}`,
          'allowedTopologies[0].matchLabelExpressions[1].values[1]: Duplicate value: "b"',
          'allowedTopologies[0].matchLabelExpressions[2].key: Duplicate value: "a"',
        ],
      },
    ],
    'immutable: provisioner, parameters, reclaimPolicy, volumeBindingMode': [
      {
        update: (item) =>
          Object.assign(item, {
            provisioner: 'b',
            parameters: {},
            reclaimPolicy: 'Retain',
            volumeBindingMode: 'WaitForFirstConsumer',
          }),
        errors: ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'].map(immutable),
      },
      { update: (item) => (item.allowVolumeExpansion = true), errors: [] },
    ],
  },
});
