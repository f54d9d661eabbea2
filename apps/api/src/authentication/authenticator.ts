import type { UserInfo } from '#apimachinery';

/** What a request shows of its sender. */
export interface Credentials {
  /** Verified against the cluster's client CA by TLS, DER; undefined when none was sent. */
  clientCertificate?: Buffer;
  /** Value of the Authorization header, or the bearer token of a WebSocket subprotocol. */
  authorization?: string;
}

/** Tries one way of knowing the sender: undefined means not this way; a thrown StatusError (401) ends the attempt. */
export interface Authenticator {
  authenticate(credentials: Credentials): Promise<UserInfo | undefined> | UserInfo | undefined;
}
