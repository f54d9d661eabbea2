import { X509Certificate } from 'node:crypto';
import { type CertificateSubject, certificateUser, type UserInfo } from '#apimachinery';
import { EXTRA, withAuthenticatedGroup } from '../identity/users.js';
import type { Authenticator, Credentials } from './authenticator.js';
import { BoundedCache } from './bounded-cache.js';

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_USAGE = '2.5.29.37.0';
/** Longer chains than this are refused, whatever they hold. */
const MAX_INTERMEDIATES = 5;

export class CertificateError extends Error {}

/** Certificates whose chains end at one of a set of authorities, for client use. */
export class ClientCertificateVerifier {
  private readonly roots: X509Certificate[];

  constructor(authoritiesPem: readonly string[]) {
    this.roots = authoritiesPem.flatMap(splitPem).map((pem) => new X509Certificate(pem));
  }

  /** Throws CertificateError; messages as Go's x509 package words them. */
  verify(certificate: X509Certificate, intermediates: readonly Buffer[], now: number): void {
    checkValidity(certificate, now);
    const usages = certificate.keyUsage as string[] | undefined;
    if (usages && !usages.includes(CLIENT_AUTH) && !usages.includes(ANY_USAGE)) {
      throw new CertificateError('x509: certificate specifies an incompatible key usage');
    }
    const pool = intermediates.slice(0, MAX_INTERMEDIATES).map((der) => new X509Certificate(der));
    let current = certificate;
    for (let depth = 0; depth <= pool.length; depth++) {
      const root = this.roots.find((candidate) => signedBy(current, candidate));
      if (root) {
        checkValidity(root, now);
        return;
      }
      const next = pool.find((candidate) => candidate.ca && signedBy(current, candidate));
      if (!next) break;
      checkValidity(next, now);
      current = next;
    }
    throw new CertificateError('x509: certificate signed by unknown authority');
  }
}

function signedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function checkValidity(certificate: X509Certificate, now: number): void {
  const time = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  if (now < from) {
    throw new CertificateError(
      `x509: certificate has expired or is not yet valid: current time ${time(now)} is before ${time(from)}`,
    );
  }
  if (now > to) {
    throw new CertificateError(
      `x509: certificate has expired or is not yet valid: current time ${time(now)} is after ${time(to)}`,
    );
  }
}

function splitPem(bundle: string): string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}

interface Verified {
  user: UserInfo | undefined;
  validFrom: number;
  validTo: number;
}

/**
 * Client certificates: CN is the user, every O a group. What verified once is remembered by its bytes, so that a
 * connection's later requests cost one look-up; a certificate that ends meanwhile is looked at again.
 */
export class X509Authenticator implements Authenticator {
  private readonly verifier: ClientCertificateVerifier;
  private readonly verified = new BoundedCache<string, Verified>(4096);

  constructor(
    authoritiesPem: readonly string[],
    private readonly clock: () => number = Date.now,
  ) {
    this.verifier = new ClientCertificateVerifier(authoritiesPem);
  }

  authenticate(credentials: Credentials): UserInfo | undefined {
    const der = credentials.clientCertificate;
    if (!der) return undefined;
    const now = this.clock();
    const key = der.toString('latin1');
    const known = this.verified.get(key);
    if (known && now >= known.validFrom && now <= known.validTo) return known.user;
    const certificate = new X509Certificate(der);
    this.verifier.verify(certificate, credentials.intermediates ?? [], now);
    const entry = {
      user: userOf(certificate),
      validFrom: Date.parse(certificate.validFrom),
      validTo: Date.parse(certificate.validTo),
    };
    this.verified.set(key, entry);
    return entry.user;
  }
}

/** Undefined without a common name: such a certificate names nobody. */
function userOf(certificate: X509Certificate): UserInfo | undefined {
  const user = certificateUser(subjectOf(certificate));
  if (!user) return undefined;
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return withAuthenticatedGroup({ ...user, extra: { [EXTRA.credentialId]: [`X509SHA256=${fingerprint}`] } });
}

/** The legacy form alone gives attribute values unescaped, whatever characters they hold. */
function subjectOf(certificate: X509Certificate): CertificateSubject {
  return certificate.toLegacyObject().subject as CertificateSubject;
}

/** The common name alone, for callers that check it against a list. */
export function commonName(certificate: X509Certificate): string {
  return certificateUser(subjectOf(certificate))?.name ?? '';
}
