import { isIPv6 } from 'node:net';
import { bare, isJsonObject, type StatusError, serviceUnavailable, statusErrorFrom } from '#apimachinery';

/** A call that had no usable answer. The message is what kube-apiserver's client says of it; callers put their own words before it. */
export class WebhookCallError extends Error {
  constructor(
    message: string,
    /** What metrics count the call as: the answer's error, or a 503 where nothing answered. */
    readonly status: StatusError = serviceUnavailable('error calling webhook'),
    /** The caller itself ended the call. */
    readonly canceled = false,
  ) {
    super(message);
    this.name = 'WebhookCallError';
  }
}

/** A failed connection, in the words of Go's network library. */
export class DialError extends Error {}

const SYSCALL_TEXTS = bare<string>({
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ECONNRESET: 'read: connection reset by peer',
});

type CodedError = Error & { code?: string };

export function dialError(host: string, port: number, { code = '', message }: CodedError): DialError {
  return new DialError(`dial tcp ${hostPort(host, port)}: ${SYSCALL_TEXTS[code] ?? message}`);
}

export function lookupError(host: string, { code = '' }: CodedError): DialError {
  return new DialError(`dial tcp: lookup ${host}: ${code === 'ENOTFOUND' ? 'no such host' : 'server misbehaving'}`);
}

export function hostPort(host: string, port: number | string): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

const UNVERIFIED = 'tls: failed to verify certificate: x509:';
const UNKNOWN_AUTHORITY = `${UNVERIFIED} certificate signed by unknown authority`;
const EXPIRED = `${UNVERIFIED} certificate has expired or is not yet valid`;

const TLS_TEXTS = bare<string>({
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
  INVALID_CA: UNKNOWN_AUTHORITY,
  CERT_UNTRUSTED: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  EPROTO: 'http: server gave HTTP response to HTTPS client',
  ERR_SSL_WRONG_VERSION_NUMBER: 'http: server gave HTTP response to HTTPS client',
  ECONNRESET: 'EOF',
  EPIPE: 'write: broken pipe',
});

/** The certificate is for no name: it has a common name alone. */
export class MissingNamesError extends Error {
  constructor() {
    super(`${UNVERIFIED} certificate relies on legacy Common Name field, use SANs instead`);
  }
}

/** Whether OpenSSL refused a signature by SHA-1 (or older), which it says with this text alone. */
export function isWeakSignature({ message }: Error): boolean {
  return /^CA signature digest algorithm too weak/.test(message);
}

/** What Go says of an error of Node's HTTPS client; the message itself where it has no counterpart. */
export function goText(error: CodedError): string {
  if (error instanceof DialError) return error.message;
  if (isWeakSignature(error)) return `${UNVERIFIED} cannot verify signature: insecure algorithm SHA1-RSA`;
  if (error.code?.startsWith('HPE_')) return 'net/http: HTTP/1.x transport connection broken: malformed HTTP response';
  return TLS_TEXTS[error.code ?? ''] ?? error.message;
}

/** Why a certificate that an authority vouches for is not that of `host`; undefined when it is. A common name counts for nothing. */
export function identityError(
  host: string,
  certificate: { subjectaltname?: string },
  check: () => Error | undefined,
): Error | undefined {
  const names = certificate.subjectaltname;
  if (!names) return new MissingNamesError();
  if (check() === undefined) return undefined;
  const shown = names
    .split(', ')
    .map((name) => name.replace(/^(?:DNS|IP Address):/, ''))
    .join(', ');
  return new Error(`${UNVERIFIED} certificate is valid for ${shown}, not ${host}`);
}

/** Characters of an answer that an error repeats. */
const SHOWN_BODY = 2048;

/** An answer with a code that is no success, as client-go reads it: a Status in it counts, else the code. */
export function answerError(code: number, body: string, isText: boolean): WebhookCallError {
  const given = parsed(body);
  if (isJsonObject(given) && given['status'] === 'Failure') {
    const status = statusErrorFrom({ ...given, kind: 'Status' }, code);
    return new WebhookCallError(status.message, status);
  }
  const status = statusErrorFrom(isText ? body.slice(0, SHOWN_BODY).trim() : 'unknown', code);
  return new WebhookCallError(status.message, status);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
