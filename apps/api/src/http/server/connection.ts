import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { UserInfo } from '#apimachinery';
import type { OpenRequest } from './open-request.js';
import { type PeerCertificates, peerCertificates } from './peer-certificates.js';
import { DISCARD_MS } from './response-writer.js';

/** A client certificate is verified once for a connection and again after this long. */
const IDENTITY_LIFETIME_MS = 60_000;

/** Requests that may wait behind one on their connection. Clients do not send the next before they have an answer. */
const MAX_WAITING = 32;

/** One connection's requests, of which one is served at a time, and the identity that its certificate gives it. */
export class Connection {
  private current: OpenRequest | undefined;
  private readonly waiting: { open: OpenRequest; serve: (open: OpenRequest) => void }[] = [];
  private identity: { user: UserInfo; until: number } | undefined;
  private shown: PeerCertificates | undefined;

  /** `ended` is called when the connection is no more. */
  constructor(
    private readonly socket: Socket,
    ended: () => void,
  ) {
    socket.once('close', () => {
      ended();
      this.lost();
    });
  }

  get user(): UserInfo | undefined {
    return this.identity && this.identity.until > Date.now() ? this.identity.user : undefined;
  }

  set user(user: UserInfo) {
    this.identity = { user, until: Date.now() + IDENTITY_LIFETIME_MS };
  }

  /** What the peer has shown in its handshake, which is costly to ask for and stays. */
  get certificates(): PeerCertificates {
    this.shown ??= peerCertificates(this.socket as TLSSocket);
    return this.shown;
  }

  /** The request whose turn it is. */
  get serving(): OpenRequest | undefined {
    return this.current;
  }

  /** Calls `serve` when all requests before this one are over; never, when the connection ends before that. */
  take(open: OpenRequest, serve: (open: OpenRequest) => void): void {
    if (!this.current) this.start(open, serve);
    else if (this.waiting.length < MAX_WAITING && !isEndless(this.current)) this.waiting.push({ open, serve });
    else this.socket.destroy();
  }

  private start(open: OpenRequest, serve: (open: OpenRequest) => void): void {
    this.current = open;
    open.response.once('close', () => {
      open.settle();
      this.discardRest(open);
      this.next();
    });
    serve(open);
  }

  private next(): void {
    this.current = undefined;
    const next = this.waiting.shift();
    if (next && !this.socket.destroyed) this.start(next.open, next.serve);
  }

  private discardRest({ request }: OpenRequest): void {
    if (request.complete || this.socket.destroyed) return;
    const timer = setTimeout(() => this.socket.destroy(), DISCARD_MS);
    request.once('close', () => clearTimeout(timer));
    request.resume();
  }

  private lost(): void {
    this.waiting.length = 0;
    this.current?.settle();
  }
}

/** A watch that has ended is over when its last bytes are sent: its client may have read them before that is known here. */
function isEndless({ endless, response }: OpenRequest): boolean {
  return endless && !response.writableEnded;
}
