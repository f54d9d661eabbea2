import type { UserInfo } from '#apimachinery';
import type { RequestAttributes } from '../authorization/authorizer.js';

/** What a request shows of its sender. */
export interface Credentials {
  /**
   * The peer's certificate, DER; undefined when none was sent. TLS asks for a certificate without insisting on one
   * (`requestCert`, not `rejectUnauthorized`): the authenticator verifies it against the client CAs.
   */
  clientCertificate?: Buffer;
  /** Certificates that the peer sent along, DER, for chains with intermediates. */
  intermediates?: readonly Buffer[];
  /** Value of the Authorization header, or the bearer token of a WebSocket subprotocol. */
  authorization?: string;
  /** Lower-case header names as node gives them: front proxies and impersonation are read from here. */
  headers?: Readonly<Record<string, string | string[] | undefined>>;
  /** Of the URL, without the query. */
  path?: string;
  /** What is asked for: who impersonates needs leave for that as well. Always there with `headers`. */
  request?: RequestAttributes;
}

/** Tries one way of knowing the sender: undefined means not this way; a thrown StatusError (401) ends the attempt. */
export interface Authenticator {
  authenticate(credentials: Credentials): Promise<UserInfo | undefined> | UserInfo | undefined;
}

/** Is told who a sender is, and whom it acts as, for the audit log. */
export interface IdentityRecord {
  /** What is thrown ends the request. */
  identified(sender: UserInfo): Promise<void>;
  /** `constraint`: the verb of the mode that allows it; undefined for the verb `impersonate`. */
  impersonates(user: UserInfo, constraint: string | undefined): void;
}

/** The whole chain, with anonymous at its end and impersonation after it. Throws StatusError 401 or 403. */
export interface RequestAuthenticator {
  /** Whether one can be anonymous on some paths only: who was let in on one may not be on another. */
  readonly anonymousByPath: boolean;
  authenticate(credentials: Credentials, record?: IdentityRecord): Promise<UserInfo>;
}
