import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { csiStorageCapacityValidator } from './csi-storage-capacity.validation.js';

describeRules({
  path: 'storage.k8s.io/v1/csistoragecapacities',
  validator: csiStorageCapacityValidator,
  valid: { storageClassName: 'fast', nodeTopology: { matchLabels: { zone: 'a' } }, capacity: '1Gi' },
  rows: {
    'nodeTopology is well-formed; an update keeps label values that an older release accepted': [
      {
        create: (item) => (item.nodeTopology.matchLabels.zone = '-'),
        errors: [`nodeTopology.matchLabels: Invalid value: "-": ${words.labelValue}`],
      },
      {
        stored: (item) => (item.nodeTopology = { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] }),
        update: (item) => (item.capacity = '2Gi'),
        errors: [],
      },
    ],
    'storageClassName is a name': [
      {
        create: (item) => (item.storageClassName = 'A'),
        errors: [`storageClassName: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'capacity is not negative': [
      {
        create: (item) => (item.capacity = '-1'),
        errors: ['capacity: Invalid value: "-1": must be greater than or equal to 0'],
      },
    ],
    'immutable: nodeTopology, storageClassName': [
      {
        update: (item) =>
          Object.assign(item, { nodeTopology: { matchLabels: { zone: 'b' } }, storageClassName: 'slow' }),
        errors: [
          'nodeTopology: Invalid value: {"matchLabels":{"zone":"b"}}: field is immutable',
          'storageClassName: Invalid value: "slow": field is immutable',
        ],
      },
    ],
  },
});
