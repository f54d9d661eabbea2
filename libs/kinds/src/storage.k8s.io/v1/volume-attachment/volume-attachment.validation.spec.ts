import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { volumeAttachmentValidator } from './volume-attachment.validation.js';

const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
const caseless =
  "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'Example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const inline = () => ({ csi: { driver: 'a', volumeHandle: 'v' }, accessModes: ['ReadWriteOnce'] });

describeRules({
  path: 'storage.k8s.io/v1/volumeattachments',
  validator: volumeAttachmentValidator,
  valid: { spec: { attacher: 'Disk.example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } } },
  rows: {
    'attacher is required, a DNS name of at most 63 characters': [
      { create: ({ spec }) => (spec.attacher = ''), errors: ['spec.attacher: Required value'] },
      {
        create: ({ spec }) => (spec.attacher = 'a_b'),
        errors: [`spec.attacher: Invalid value: "a_b": ${caseless}`],
      },
      {
        create: ({ spec }) => (spec.attacher = 'a'.repeat(64)),
        errors: ['spec.attacher: Too long: may not be more than 63 characters'],
      },
    ],
    'source: exactly one of persistentVolumeName and inlineVolumeSpec': [
      { create: ({ spec }) => (spec.source = {}), errors: [`spec.source: Required value: ${exactlyOne}`] },
      {
        create: ({ spec }) => (spec.source.inlineVolumeSpec = inline()),
        errors: [`spec.source: Forbidden: ${exactlyOne}`],
      },
      {
        create: ({ spec }) => (spec.source.persistentVolumeName = 'A'),
        errors: [`spec.source.persistentVolumeName: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'inlineVolumeSpec is of a CSI driver, and has nothing that binds it to a claim': [
      { create: ({ spec }) => (spec.source = { inlineVolumeSpec: inline() }), errors: [] },
      {
        create: ({ spec }) =>
          (spec.source = {
            inlineVolumeSpec: {
              hostPath: { path: '/a' },
              capacity: { storage: '1' },
              claimRef: { name: 'a' },
              storageClassName: 'a',
              volumeMode: 'Block',
              nodeAffinity: {},
              persistentVolumeReclaimPolicy: 'Delete',
            },
          }),
        errors: [
          'claimRef: Forbidden: may not be specified',
          'capacity: Forbidden: may not be specified',
          'csi: Required value: has to be specified',
          'accessModes: Required value',
          'persistentVolumeReclaimPolicy: Forbidden: may only be Retain',
          'nodeAffinity: Forbidden: may not be specified',
          'storageClassName: Forbidden: may not be specified',
          'volumeMode: Forbidden: may not specify volumeMode other than Filesystem',
        ].map((text) => {
          const context = text.startsWith('accessModes') ? '' : ' in the context of inline volumes';
          return `spec.source.inlineVolumeSpec.${text}${context}`;
        }),
      },
    ],
    'nodeName is a name': [
      {
        create: ({ spec }) => (spec.nodeName = 'A'),
        errors: [`spec.nodeName: Invalid value: "A": ${words.subdomain}`],
      },
    ],
    'status: attachmentMetadata has at most 262144 bytes': [
      {
        endpoint: 'status',
        update: (item) => (item.status = { attached: true, attachmentMetadata: { a: 'x'.repeat(262_144) } }),
        errors: ['status.attachmentMetadata: Too long: may not be more than 262144 bytes'],
      },
    ],
    'status: messages of errors have at most 1024 bytes, codes are not negative': [
      {
        endpoint: 'status',
        update: (item) =>
          (item.status = {
            attached: true,
            attachError: { message: 'x'.repeat(1025) },
            detachError: { errorCode: -1 },
          }),
        errors: [
          'status.attachError.message: Too long: may not be more than 1024 bytes',
          'status.detachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive',
        ],
      },
    ],
    'immutable: spec': [
      {
        update: ({ spec }) => (spec.nodeName = 'm'),
        errors: ['spec: Invalid value: null: field is immutable'],
      },
    ],
  },
});
