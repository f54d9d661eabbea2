import { X509Certificate } from 'node:crypto';
import { type FieldError, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSignerName } from '../../../core/v1/pod/pod-projected-volumes.validation.js';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { unifiedDiff } from '../../../validation/unified-diff.js';
import { pemBlocks, requestProblem } from './certificate-request.js';

const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
/** Seconds. */
const shortestLife = 600;

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];
const decisions = ['Approved', 'Denied'];
/** Conditions that are there or not, and never taken back. */
const lasting = [...decisions, 'Failed'];
const statuses = ['False', 'True', 'Unknown'];

/** What an update may keep because the stored object has it. */
interface Leniency {
  legacySigner: boolean;
  unknownUsages: boolean;
  duplicateUsages: boolean;
  emptyConditionType: boolean;
  duplicateConditions: boolean;
  bothDecisions: boolean;
  anyCertificate: boolean;
}

const strict: Leniency = {
  legacySigner: false,
  unknownUsages: false,
  duplicateUsages: false,
  emptyConditionType: false,
  duplicateConditions: false,
  bothDecisions: false,
  anyCertificate: false,
};

export const certificateSigningRequestValidator: KindValidator = {
  rules: [
    'spec.request is required',
    'spec.signerName is required',
    'spec.usages is required',
    'request: PEM PKCS#10 block CERTIFICATE REQUEST',
    'usages required, known and unique',
    'signerName <domain>/<path>; kubernetes.io/legacy-unknown refused in v1',
    'expirationSeconds at least 600',
    'Approved and Denied exclude each other',
    'immutable: spec',
    'immutable: status.certificate once set',
    'immutable: conditions Approved, Denied, Failed once added (Approved and Denied only through the approval subresource)',
  ],
  validateCreate: (csr: CertificateSigningRequest) => csrErrors(csr, strict),
  validateUpdate(csr: CertificateSigningRequest, old: CertificateSigningRequest, { subresource }) {
    return [...csrErrors(csr, leniencyFor(csr, old)), ...changeErrors(csr, old, subresource)];
  },
};

function csrErrors(csr: CertificateSigningRequest, lenient: Leniency): FieldError[] {
  const at = new FieldCursor('spec');
  const { spec } = csr;
  const request = (spec.request as string | undefined) ?? '';
  const problem = requestProblem(Buffer.from(request, 'base64').toString('latin1'));
  if (problem !== undefined) at.invalid('request', request, problem);
  checkUsages(at, spec.usages ?? [], lenient);
  if (spec.signerName === LEGACY_SIGNER && !lenient.legacySigner) {
    at.invalid('signerName', spec.signerName, 'the legacy signerName is not allowed via this API version');
  } else checkSignerName(at, 'signerName', spec.signerName);
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < shortestLife) {
    at.invalid('expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)');
  }
  at.leave();
  at.enter('status');
  checkConditions(at, csr.status?.conditions ?? [], lenient);
  const why = lenient.anyCertificate ? undefined : certificateProblem(csr.status?.certificate);
  if (why !== undefined) at.invalid('certificate', '<certificate data>', why);
  return at.errors;
}

function checkUsages(at: FieldCursor, given: readonly string[], lenient: Leniency): void {
  if (given.length === 0) at.required('usages');
  at.enter('usages');
  const each = (check: (usage: string) => void) => {
    given.forEach((usage, i) => {
      at.enter(i);
      check(usage);
      at.leave();
    });
  };
  if (!lenient.unknownUsages) {
    each((usage) => {
      if (!usages.includes(usage)) at.notSupported('', usage, usages);
    });
  }
  if (!lenient.duplicateUsages) {
    const seen = new Set<string>();
    each((usage) => {
      if (seen.has(usage)) at.duplicate('', usage);
      seen.add(usage);
    });
  }
  at.leave();
}

function checkConditions(at: FieldCursor, conditions: CertificateSigningRequestCondition[], lenient: Leniency): void {
  const seen = new Set<string>();
  at.enter('conditions');
  conditions.forEach(({ type, status }, i) => {
    at.enter(i);
    if (!type && !lenient.emptyConditionType) at.required('type');
    at.choice('status', status, lasting.includes(type) ? ['True'] : statuses);
    at.leave();
    const other = type === 'Approved' ? 'Denied' : 'Approved';
    if (decisions.includes(type) && seen.has(other) && !lenient.bothDecisions) {
      at.invalid('', type, 'Approved and Denied conditions are mutually exclusive');
    }
    at.enter(i);
    if (seen.has(type) && !lenient.duplicateConditions) at.duplicate('type', type);
    at.leave();
    seen.add(type);
  });
  at.leave();
}

function certificateProblem(certificate: string | undefined): string | undefined {
  if (!certificate) return undefined;
  const blocks = pemBlocks(Buffer.from(certificate, 'base64').toString('latin1'));
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      new X509Certificate(bytes);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return undefined;
}

function leniencyFor(csr: CertificateSigningRequest, old: CertificateSigningRequest): Leniency {
  const given: readonly string[] = old.spec.usages ?? [];
  const types = (old.status?.conditions ?? []).map(({ type }) => type);
  const before = old.status?.certificate;
  return {
    legacySigner: old.spec.signerName === LEGACY_SIGNER,
    unknownUsages: given.some((usage) => !usages.includes(usage)),
    duplicateUsages: new Set(given).size < given.length,
    emptyConditionType: types.some((type) => !type),
    duplicateConditions: new Set(types).size < types.length,
    bothDecisions: decisions.every((type) => types.includes(type)),
    anyCertificate: (csr.status?.certificate ?? '') === (before ?? '') || certificateProblem(before) !== undefined,
  };
}

function changeErrors(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
  subresource: string,
): FieldError[] {
  const at = new FieldCursor('status');
  const of = (object: CertificateSigningRequest, type: string) =>
    (object.status?.conditions ?? []).filter((condition) => condition.type === type);
  for (const type of lasting) {
    if (of(csr, type).length < of(old, type).length) {
      at.forbidden('conditions', `updates may not remove a condition of type "${type}"`);
    }
  }
  for (const type of subresource === 'approval' ? [] : decisions) {
    const before = of(old, type);
    const after = of(csr, type);
    if (after.length > before.length) at.forbidden('conditions', `updates may not add a condition of type "${type}"`);
    else if (after.length === before.length && !semanticEqual(after, before)) {
      const difference = unifiedDiff(before, after);
      at.forbidden('conditions', `updates may not modify a condition of type "${type}"\n${difference}`);
    }
  }
  const before = old.status?.certificate ?? '';
  if ((csr.status?.certificate ?? '') !== before) {
    if (subresource !== 'status') at.forbidden('certificate', 'updates may not set certificate content');
    else if (before !== '') at.forbidden('certificate', 'updates may not modify existing certificate content');
  }
  return at.errors;
}
