import { describeRules } from '../../../testing/rule-table.js';
import { csiDriverValidator } from './csi-driver.validation.js';

describeRules({
  path: 'storage.k8s.io/v1/csidrivers',
  validator: csiDriverValidator,
  valid: { spec: { tokenRequests: [{ audience: '' }, { audience: 'a', expirationSeconds: 600 }] } },
  rows: {
    'the name has at most 63 characters': [
      {
        create: (driver) => (driver.metadata = { name: 'a'.repeat(64) }),
        errors: [`metadata.name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`],
      },
    ],
    'fsGroupPolicy is one of File, None, ReadWriteOnceWithFSType': [
      {
        create: ({ spec }) => (spec.fsGroupPolicy = 'All'),
        errors: [
          'spec.fsGroupPolicy: Unsupported value: "All": supported values: "File", "None", "ReadWriteOnceWithFSType"',
        ],
      },
    ],
    'volumeLifecycleModes are Persistent, Ephemeral': [
      {
        create: ({ spec }) => (spec.volumeLifecycleModes = ['Eternal']),
        errors: [
          'spec.volumeLifecycleModes: Unsupported value: "Eternal": supported values: "Persistent", "Ephemeral"',
        ],
      },
    ],
    'tokenRequests: audiences are unique, expirationSeconds is 600 to 4294967296': [
      {
        create: ({ spec }) =>
          (spec.tokenRequests = [
            { audience: 'a', expirationSeconds: 599 },
            { audience: 'a', expirationSeconds: 599 },
            { audience: 'b', expirationSeconds: 4_294_967_297 },
          ]),
        errors: [
          'spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
          'spec.tokenRequests[1].audience: Duplicate value: "a"',
          'spec.tokenRequests[2].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
        ],
      },
    ],
    'nodeAllocatableUpdatePeriodSeconds is at least 10': [
      {
        create: ({ spec }) => (spec.nodeAllocatableUpdatePeriodSeconds = 9),
        errors: [
          'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds',
        ],
      },
    ],
    'serviceAccountTokenInSecrets needs tokenRequests': [
      {
        create: ({ spec }) => Object.assign(spec, { tokenRequests: [], serviceAccountTokenInSecrets: true }),
        errors: [
          'spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
        ],
      },
    ],
    'immutable: spec.attachRequired, spec.volumeLifecycleModes': [
      {
        update: ({ spec }) => Object.assign(spec, { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] }),
        errors: [
          'spec.attachedRequired: Invalid value: false: field is immutable',
          'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
        ],
      },
    ],
  },
});
