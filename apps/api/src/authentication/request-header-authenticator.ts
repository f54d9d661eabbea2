import { X509Certificate } from 'node:crypto';
import type { UserInfo } from '#apimachinery';
import { ownValue } from '#apimachinery';
import { withAuthenticatedGroup } from '../identity/users.js';
import type { Authenticator, Credentials } from './authenticator.js';
import { CertificateError, ClientCertificateVerifier, commonName } from './x509-authenticator.js';

export interface RequestHeaderOptions {
  /** PEM of the authorities that issue front proxies' certificates. */
  authorities: readonly string[];
  /** Common names that may be front proxies; empty: any that the authorities issued. */
  allowedNames: readonly string[];
  usernameHeaders: readonly string[];
  uidHeaders: readonly string[];
  groupHeaders: readonly string[];
  extraHeaderPrefixes: readonly string[];
}

/** The headers that upstream's deployment tools configure, and that aggregated API servers read from the ConfigMap. */
export const REQUEST_HEADERS = {
  allowedNames: ['front-proxy-client'],
  usernameHeaders: ['X-Remote-User'],
  uidHeaders: [] as string[],
  groupHeaders: ['X-Remote-Group'],
  extraHeaderPrefixes: ['X-Remote-Extra-'],
};

/** A front proxy says in headers for whom it asks. Its certificate is what makes the headers believable. */
export class RequestHeaderAuthenticator implements Authenticator {
  private readonly verifier: ClientCertificateVerifier;

  constructor(
    private readonly options: RequestHeaderOptions,
    private readonly clock: () => number = Date.now,
  ) {
    this.verifier = new ClientCertificateVerifier(options.authorities);
  }

  authenticate(credentials: Credentials): UserInfo | undefined {
    const headers = credentials.headers;
    if (!headers || !credentials.clientCertificate) return undefined;
    const name = this.options.usernameHeaders.map((header) => headerValues(headers, header)[0]).find(Boolean);
    if (!name) return undefined;
    const certificate = new X509Certificate(credentials.clientCertificate);
    this.verifier.verify(certificate, credentials.intermediates ?? [], this.clock());
    const proxy = commonName(certificate);
    if (this.options.allowedNames.length > 0 && !this.options.allowedNames.includes(proxy)) {
      throw new CertificateError(`x509: subject with cn=${proxy} is not in the allowed list`);
    }
    const uid = this.options.uidHeaders.map((header) => headerValues(headers, header)[0]).find(Boolean);
    return withAuthenticatedGroup({
      name,
      ...(uid ? { uid } : undefined),
      groups: this.options.groupHeaders.flatMap((header) => headerValues(headers, header).filter(Boolean)),
      extra: extraFrom(headers, this.options.extraHeaderPrefixes),
    });
  }
}

export type Headers = NonNullable<Credentials['headers']>;

export function headerValues(headers: Headers, name: string): string[] {
  const value = ownValue(headers, name.toLowerCase());
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Keys are what follows the prefix, lower case, percent-decoded where that works. */
export function extraFrom(headers: Headers, prefixes: readonly string[]): Record<string, string[]> {
  const extra = new Map<string, string[]>();
  for (const prefix of prefixes.map((item) => item.toLowerCase())) {
    for (const header of Object.keys(headers)) {
      if (!header.startsWith(prefix)) continue;
      const key = decode(header.slice(prefix.length));
      extra.set(key, [...(extra.get(key) ?? []), ...headerValues(headers, header)]);
    }
  }
  return Object.fromEntries(extra);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
