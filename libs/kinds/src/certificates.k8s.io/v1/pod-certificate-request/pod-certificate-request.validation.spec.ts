import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { podCertificateRequestValidator } from './pod-certificate-request.validation.js';

const condition = (type: string, status = 'True') => ({
  type,
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const outcomes = 'supported values: "Issued", "Denied", "Failed"';

describeRules({
  path: 'certificates.k8s.io/v1/podcertificaterequests',
  validator: podCertificateRequestValidator,
  valid: {
    spec: {
      signerName: 'example.com/signer',
      podName: 'p',
      podUID: '1',
      serviceAccountName: 's',
      serviceAccountUID: '2',
      nodeName: 'n',
      nodeUID: '3',
      maxExpirationSeconds: 7_862_400,
      stubPKCS10Request: 'AAAA',
    },
  },
  rows: {
    'signerName is <domain>/<path>': [
      { create: ({ spec }) => (spec.signerName = ''), errors: ['spec.signerName: Required value'] },
    ],
    'podName, serviceAccountName and nodeName are names, with uids of 1 to 128 bytes': [
      {
        create: ({ spec }) => Object.assign(spec, { podName: 'A', podUID: '', nodeUID: 'x'.repeat(129) }),
        errors: [
          `spec.podName: Invalid value: "A": ${words.subdomain}`,
          'spec.podUID: Invalid value: "": must not be empty',
          'spec.nodeUID: Too long: may not be more than 128 bytes',
        ],
      },
    ],
    'maxExpirationSeconds is 3600 to 7862400, for signers of kubernetes.io to 86400': [
      {
        create: ({ spec }) => (spec.maxExpirationSeconds = 3599),
        errors: ['spec.maxExpirationSeconds: Invalid value: 3599: must be in the range [3600, 7862400]'],
      },
      {
        create: ({ spec }) => (spec.signerName = 'kubernetes.io/a'),
        errors: ['spec.maxExpirationSeconds: Invalid value: 7862400: must be in the range [3600, 86400]'],
      },
    ],
    'stubPKCS10Request is set': [
      {
        create: ({ spec }) => delete spec.stubPKCS10Request,
        errors: [
          'spec: Invalid value: exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set',
        ],
      },
    ],
    'immutable: spec': [
      {
        stored: (request) => (request.spec = { signerName: 'example.com/signer' }),
        update: ({ spec }) => (spec.signerName = 'a'),
        errors: ['spec: Invalid value: {"maxExpirationSeconds":86400,"signerName":"a"}: field is immutable'],
      },
    ],
    'status: one condition of Issued, Denied, Failed, with status True; nothing else when denied or failed; immutable then':
      [
        {
          endpoint: 'status',
          update: (request) =>
            (request.status = { conditions: [condition('Odd'), condition('Denied'), condition('Failed', 'False')] }),
          errors: [
            `status.conditions.[0].type: Unsupported value: "Odd": ${outcomes}`,
            'status.conditions.[2].type: Invalid value: "Failed": There may be at most one condition with type "Issued", "Denied", or "Failed"',
            'status.conditions.[2].status: Unsupported value: "False": supported values: "True"',
          ],
        },
        {
          endpoint: 'status',
          update: (request) => (request.status = { conditions: [condition('Denied')], certificateChain: 'x' }),
          errors: [
            'status: Invalid value: non-condition status fields must be empty when denying or failing the PodCertificateRequest',
          ],
        },
        {
          endpoint: 'status',
          update: (request) => (request.status = { certificateChain: 'x' }),
          errors: [
            'status: Invalid value: status is immutable unless transitioning to "Issued", "Denied", or "Failed"',
          ],
        },
        {
          endpoint: 'status',
          stored: (request) => (request.status = { conditions: [condition('Issued')] }),
          update: ({ status }) => (status.certificateChain = 'x'),
          errors: ['status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed'],
        },
      ],
  },
});
