import { type KeyObject, X509Certificate } from 'node:crypto';
import { formatTime } from '#apimachinery';
import type { PodCertificateRequestSpec, PodCertificateRequestStatus } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import {
  type PemBlock,
  parseCertificateRequest,
  pemBlocks,
} from '../certificate-signing-request/certificate-request.js';

const MAX_CHAIN_BYTES = 100 * 1024;
/** Milliseconds. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What a signer has put into the status: the first error counts, as each check builds on those before. */
export function checkIssued(
  at: FieldCursor,
  spec: PodCertificateRequestSpec,
  status: PodCertificateRequestStatus,
  now: Date,
): void {
  const chain = status.certificateChain ?? '';
  const refuse = (text: string): void => at.invalid('certificateChain', chain, text);
  if (Buffer.byteLength(chain) > MAX_CHAIN_BYTES) {
    at.tooLong('certificateChain', MAX_CHAIN_BYTES);
    return;
  }
  const [first, ...others] = pemBlocks(chain);
  const leaf = first?.type === 'CERTIFICATE' ? parsed(first.bytes) : undefined;
  if (!leaf) {
    refuse(leafProblem(first));
    return;
  }
  checkNames(at, leaf);
  if (!isIssuedTo(leaf, parseCertificateRequest(Buffer.from(spec.stubPKCS10Request, 'base64')).key)) {
    refuse('leaf certificate was not issued to the requested public key');
    return;
  }
  if (!checkTimes(at, leaf, spec, status, now)) return;
  const problem = others.map(intermediateProblem).find((text) => text !== undefined);
  if (problem) refuse(problem);
}

/** A key of a kind that OpenSSL does not know is read only here, and is none that was asked for. */
function isIssuedTo(leaf: X509Certificate, key: KeyObject): boolean {
  try {
    return key.equals(leaf.publicKey);
  } catch {
    return false;
  }
}

function leafProblem(block: PemBlock | undefined): string {
  if (!block) return 'issued certificate chain must contain at least one certificate';
  return block.type === 'CERTIFICATE'
    ? 'leaf certificate does not parse as valid X.509'
    : 'issued certificate chain must consist entirely of CERTIFICATE PEM blocks';
}

function intermediateProblem({ type, bytes }: PemBlock): string | undefined {
  // The misspelling is the reference's.
  if (type !== 'CERTIFICATE') return 'issued certificate chain must consist entirely of CERTFICATE PEM blocks';
  return parsed(bytes) ? undefined : 'intermediate certificate does not parse as valid X.509';
}

function parsed(bytes: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

function checkNames(at: FieldCursor, leaf: X509Certificate): void {
  const refuse = (name: string, text: string): void => at.invalid('certificateChain', name, text);
  for (const name of namesOf(leaf, 'DNS')) {
    if (name === '') refuse(name, 'leaf certificate should not contain empty DNSName');
    if (name.includes('..')) refuse(name, "leaf certificate's DNSName should not contain '..'");
    if (name.startsWith('.') || name.endsWith('.')) {
      refuse(name, "leaf certificate's DNSName should not start or end with '.'");
    }
  }
  for (const address of namesOf(leaf, 'email')) {
    if (!/^[^\s@]+@[^\s@]+$/.test(address)) refuse(address, 'leaf certificate should not contain invalid EmailAddress');
  }
}

/** Node writes `DNS:a, email:b`, and quotes a name as JSON when it could be read as more than one. */
function namesOf({ subjectAltName = '' }: X509Certificate, type: 'DNS' | 'email'): string[] {
  const names: string[] = [];
  for (const [, kind, quoted, plain] of subjectAltName.matchAll(
    /(\w[\w ]*):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g,
  )) {
    if (kind === type) names.push(quoted === undefined ? plain! : (JSON.parse(quoted) as string));
  }
  return names;
}

function checkTimes(
  at: FieldCursor,
  leaf: X509Certificate,
  { maxExpirationSeconds = 0 }: PodCertificateRequestSpec,
  { notBefore, notAfter, beginRefreshAt }: PodCertificateRequestStatus,
  now: Date,
): boolean {
  const consistent = 'must be present and consistent with the issued certificate';
  if (!notBefore) at.required('notBefore', consistent);
  if (!notAfter) at.required('notAfter', consistent);
  if (!beginRefreshAt) {
    at.required('beginRefreshAt', 'must be present and in the range [notbefore+10min, notafter-10min]');
  }
  if (at.errors.length > 0) return false;
  const [begin, end, refresh] = [notBefore, notAfter, beginRefreshAt].map((time) => Date.parse(time!)) as [
    number,
    number,
    number,
  ];
  const leafBegin = Date.parse(leaf.validFrom);
  const leafEnd = Date.parse(leaf.validTo);
  const refuse = (name: string, time: number, text: string): false => {
    at.invalid(name, formatTime(new Date(time)), text);
    return false;
  };
  if (begin !== leafBegin) {
    return refuse('notBefore', begin, 'must be set to the NotBefore time encoded in the leaf certificate');
  }
  if (Math.abs(begin - now.getTime()) >= 5 * MINUTE) {
    return refuse('notBefore', begin, "must be set to within 5 minutes of kube-apiserver's current time");
  }
  if (end !== leafEnd) {
    return refuse('notAfter', end, 'must be set to the NotAfter time encoded in the leaf certificate');
  }
  const life = leafEnd - leafBegin;
  const tooShort = life < HOUR && 'leaf certificate lifetime must be >= 1 hour';
  const longest = `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${maxExpirationSeconds})`;
  const wrongLife = tooShort || (life > maxExpirationSeconds * 1000 && longest);
  if (wrongLife) {
    // Go prints a duration among JSON as nanoseconds.
    at.invalid('certificateChain', BigInt(life) * 1_000_000n, wrongLife);
    return false;
  }
  if (refresh < begin + 10 * MINUTE) {
    return refuse('beginRefreshAt', refresh, 'must be at least 10 minutes after status.notBefore');
  }
  if (refresh > end - 10 * MINUTE) {
    return refuse('beginRefreshAt', refresh, 'must be at least 10 minutes before status.notAfter');
  }
  return true;
}
