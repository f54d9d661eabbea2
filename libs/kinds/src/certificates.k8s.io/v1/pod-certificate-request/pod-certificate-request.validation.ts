import type { KeyObject } from 'node:crypto';
import { field, isDNS1123Subdomain, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import {
  checkSignerName,
  checkUserAnnotations,
  isKubernetesSigner,
} from '../../../core/v1/pod/pod-projected-volumes.validation.js';
import type {
  PodCertificateRequest,
  PodCertificateRequestSpec,
  PodCertificateRequestStatus,
} from '../../../generated/types.js';
import { checkConditions } from '../../../validation/conditions.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import {
  type CertificateRequest,
  parseCertificateRequest,
  signatureProblem,
} from '../certificate-signing-request/certificate-request.js';
import { checkIssued } from './issued-certificate.validation.js';

const MAX_UID_BYTES = 128;
/** Seconds: an hour, a day, 91 days. */
const SHORTEST_LIFE = 3600;
const LONGEST_KUBERNETES_LIFE = 86_400;
const LONGEST_LIFE = 7_862_400;
const MAX_REQUEST_BYTES = 10 * 1024;
const MODULI = [3072, 4096];
/** P256, P384 and P521 by OpenSSL's names. */
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
const outcomes = ['Issued', 'Denied', 'Failed'];

export const podCertificateRequestValidator: KindValidator = {
  rules: [
    'signerName is <domain>/<path>',
    'podName, serviceAccountName and nodeName are names, with uids of 1 to 128 bytes',
    'maxExpirationSeconds is 3600 to 7862400, for signers of kubernetes.io to 86400',
    'unverifiedUserAnnotations: keys with a domain, 262144 bytes in all',
    'stubPKCS10Request: at most 10240 bytes of a PKCS#10 request that its own key has signed',
    'the key is RSA of 3072 or 4096 bits, ECDSA P256, P384 or P521, or Ed25519',
    'immutable: spec',
    'status: one condition of Issued, Denied, Failed, with status True; nothing else when denied or failed; immutable then',
    'issued: certificateChain has at most 102400 bytes of PEM certificates, the first of them for the key of the request',
    'issued: names of the leaf are well-formed',
    'issued: notBefore and notAfter are those of the leaf, which begins within 5 minutes of now',
    'issued: the leaf lives 1 hour at least and maxExpirationSeconds at most; beginRefreshAt is 10 minutes inside its life',
  ],
  validateCreate({ spec }: PodCertificateRequest) {
    const at = new FieldCursor('spec');
    check(at, spec);
    return at.all();
  },
  validateUpdate(request: PodCertificateRequest, old: PodCertificateRequest, { subresource, now }) {
    const at = new FieldCursor();
    if (subresource === 'status') checkStatus(at, request, old, now);
    else if (!semanticEqual(request.spec, old.spec)) at.invalid('spec', request.spec, 'field is immutable');
    return at.all();
  },
};

function check(at: FieldCursor, spec: PodCertificateRequestSpec): void {
  const { signerName, maxExpirationSeconds: life } = spec;
  checkSignerName(at, 'signerName', signerName);
  checkUserAnnotations(at, 'unverifiedUserAnnotations', spec.unverifiedUserAnnotations);
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
  const longest = isKubernetesSigner(signerName ?? '') ? LONGEST_KUBERNETES_LIFE : LONGEST_LIFE;
  if (life < SHORTEST_LIFE || life > longest) {
    at.invalid('maxExpirationSeconds', life, `must be in the range [${SHORTEST_LIFE}, ${longest}]`);
  }
  if (!spec.stubPKCS10Request) {
    const text = 'exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set';
    at.invalid('', field.OMIT_VALUE, text);
  } else checkRequest(at, Buffer.from(spec.stubPKCS10Request, 'base64'));
}

/** What a request asks for beside its key is the signer's to judge. */
function checkRequest(at: FieldCursor, der: Buffer): void {
  const name = 'stubPKCS10Request';
  if (der.length > MAX_REQUEST_BYTES) {
    at.tooLong(name, MAX_REQUEST_BYTES);
    return;
  }
  let request: CertificateRequest;
  try {
    request = parseCertificateRequest(der);
  } catch {
    at.invalid(name, field.OMIT_VALUE, 'must be a valid PKCS#10 CSR');
    return;
  }
  const unsuitable = unsuitableKey(request.key);
  if (unsuitable) at.invalid(name, unsuitable.value, unsuitable.text);
  else if (signatureProblem(request)) at.invalid(name, field.OMIT_VALUE, 'invalid signature');
}

function unsuitableKey(key: KeyObject): { value: unknown; text: string } | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return undefined;
    case 'ec':
      if (CURVES.includes(namedCurve)) return undefined;
      return { value: `curve ${namedCurve}`, text: 'elliptic public keys must use curve P256, P384, or P521' };
    case 'rsa':
      if (MODULI.includes(modulusLength)) return undefined;
      return { value: `${modulusLength}-bit modulus`, text: 'RSA keys must have modulus size 3072 or 4096' };
    default: {
      const text = 'unknown public key type; supported types are Ed25519, ECDSA, and RSA';
      return { value: field.OMIT_VALUE, text };
    }
  }
}

function checkStatus(
  at: FieldCursor,
  { spec, status = {} }: PodCertificateRequest,
  { status: old = {} }: PodCertificateRequest,
  now: Date,
): void {
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
  } else checkIssued(at, spec, status, now);
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
