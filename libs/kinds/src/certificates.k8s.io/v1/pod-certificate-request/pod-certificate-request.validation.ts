import { field, isDNS1123Subdomain, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSignerName } from '../../../core/v1/pod/pod-projected-volumes.validation.js';
import type {
  PodCertificateRequest,
  PodCertificateRequestSpec,
  PodCertificateRequestStatus,
} from '../../../generated/types.js';
import { checkConditions } from '../../../validation/conditions.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

const MAX_UID_BYTES = 128;
/** Seconds: an hour, a day, 91 days. */
const SHORTEST_LIFE = 3600;
const LONGEST_KUBERNETES_LIFE = 86_400;
const LONGEST_LIFE = 7_862_400;
const outcomes = ['Issued', 'Denied', 'Failed'];

export const podCertificateRequestValidator: KindValidator = {
  rules: [
    'signerName is <domain>/<path>',
    'podName, serviceAccountName and nodeName are names, with uids of 1 to 128 bytes',
    'maxExpirationSeconds is 3600 to 7862400, for signers of kubernetes.io to 86400',
    'stubPKCS10Request is set',
    {
      rule: 'requests, annotations and issued certificates are well-formed and fit each other',
      enforcedBy: 'nothing yet: certificates of pods are not looked into',
    },
    'immutable: spec',
    'status: one condition of Issued, Denied, Failed, with status True; nothing else when denied or failed; immutable then',
  ],
  validateCreate({ spec }: PodCertificateRequest) {
    const at = new FieldCursor('spec');
    check(at, spec);
    return at.all();
  },
  validateUpdate(request: PodCertificateRequest, old: PodCertificateRequest, { subresource }) {
    const at = new FieldCursor();
    if (subresource === 'status') checkStatus(at, request.status ?? {}, old.status ?? {});
    else if (!semanticEqual(request.spec, old.spec)) at.invalid('spec', request.spec, 'field is immutable');
    return at.all();
  },
};

function check(at: FieldCursor, spec: PodCertificateRequestSpec): void {
  const { signerName, maxExpirationSeconds: life } = spec;
  checkSignerName(at, 'signerName', signerName);
  for (const who of ['pod', 'serviceAccount', 'node'] as const) {
    at.format(`${who}Name`, spec[`${who}Name`] ?? '', isDNS1123Subdomain);
    const uid = spec[`${who}UID`] ?? '';
    if (uid === '') at.invalid(`${who}UID`, uid, 'must not be empty');
    if (Buffer.byteLength(uid) > MAX_UID_BYTES) at.tooLong(`${who}UID`, MAX_UID_BYTES);
  }
  if (life === undefined) {
    at.required('maxExpirationSeconds', 'must be set');
    return;
  }
  const longest = /^([^/]+\.)?kubernetes\.io\//.test(signerName ?? '') ? LONGEST_KUBERNETES_LIFE : LONGEST_LIFE;
  if (life < SHORTEST_LIFE || life > longest) {
    at.invalid('maxExpirationSeconds', life, `must be in the range [${SHORTEST_LIFE}, ${longest}]`);
  }
  if (!spec.stubPKCS10Request) {
    const text = 'exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set';
    at.invalid('', field.OMIT_VALUE, text);
  }
}

function checkStatus(at: FieldCursor, status: PodCertificateRequestStatus, old: PodCertificateRequestStatus): void {
  at.enter('status');
  checkOutcome(at, status);
  checkConditions(at, status.conditions);
  if (at.errors.length > 0) return;
  const decided = outcomeOf(status);
  if (outcomeOf(old) !== undefined) {
    checkSame(at, status, old, 'immutable after PodCertificateRequest is issued, denied, or failed');
  } else if (decided === undefined) {
    checkSame(at, status, old, 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"');
  } else if (decided !== 'Issued') {
    const { conditions } = status;
    const text = 'non-condition status fields must be empty when denying or failing the PodCertificateRequest';
    checkSame(at, status, conditions === undefined ? {} : { conditions }, text);
  }
}

function outcomeOf({ conditions }: PodCertificateRequestStatus): string | undefined {
  return conditions?.find(({ type, status }) => outcomes.includes(type) && status === 'True')?.type;
}

function checkSame(at: FieldCursor, status: object, wanted: object, text: string): void {
  if (!semanticEqual(status, wanted)) at.invalid('', field.OMIT_VALUE, text);
}

/** Upstream writes the index of a condition as a step of its own. */
function checkOutcome(at: FieldCursor, { conditions = [] }: PodCertificateRequestStatus): void {
  let known = 0;
  conditions.forEach(({ type, status }, i) => {
    if (!outcomes.includes(type)) {
      at.notSupported(`conditions.[${i}].type`, type, outcomes);
      return;
    }
    known += 1;
    if (known > 1) {
      const text = 'There may be at most one condition with type "Issued", "Denied", or "Failed"';
      at.invalid(`conditions.[${i}].type`, type, text);
    }
    if (status !== 'True') at.notSupported(`conditions.[${i}].status`, status, ['True']);
  });
}
