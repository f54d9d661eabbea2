import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type CertificateSubject, certificateUser, type KubeObject, type UserInfo } from '#apimachinery';
import type { Client } from '#client';
import { ExpiringMap } from './expiring-map.js';
import { HttpError } from './http-error.js';

const TOKEN_REVIEWS = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' };

/** Kubelet's authentication.webhook.cacheTTL; milliseconds. */
const CACHE_LIFETIME = 120_000;
/** How many tokens are remembered that nobody knows. They are kept apart: whoever invents tokens displaces no good one. */
const UNKNOWN_TOKENS = 256;
/** Tokens that the API server is asked about at one time; everybody may send one. */
const MAX_REVIEWS = 32;

interface TokenReview extends KubeObject {
  spec: { token: string };
  status?: {
    authenticated?: boolean;
    user?: { username?: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> };
    error?: string;
  };
}

/** Who asks: by client certificate of the cluster's CA, or by bearer token. Nobody is anonymous here. */
export class Authenticator {
  private readonly known: ExpiringMap<UserInfo>;
  private readonly unknown: ExpiringMap<true>;
  private readonly reviews = new Map<string, Promise<UserInfo | undefined>>();

  constructor(
    private readonly client: Client,
    now: () => number,
  ) {
    this.known = new ExpiringMap(now);
    this.unknown = new ExpiringMap(now, UNKNOWN_TOKENS);
  }

  /** Undefined: not known. Rejects when a token could not be checked; with 429 while too many others are. */
  async authenticate(request: IncomingMessage): Promise<UserInfo | undefined> {
    return userOfConnection(request.socket as TLSSocket) ?? (await this.tokenUser(request.headers.authorization));
  }

  private async tokenUser(header: string | undefined): Promise<UserInfo | undefined> {
    const token = /^bearer +(\S+) *$/i.exec(header ?? '')?.[1];
    if (!token) return undefined;
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.known.get(key);
    if (known || this.unknown.get(key)) return known;
    let review = this.reviews.get(key);
    if (!review) {
      if (this.reviews.size >= MAX_REVIEWS) throw new HttpError(429, 'Too many requests', { 'Retry-After': '1' });
      review = this.review(key, token).finally(() => this.reviews.delete(key));
      this.reviews.set(key, review);
    }
    return review;
  }

  private async review(key: string, token: string): Promise<UserInfo | undefined> {
    const review = await this.client.create<TokenReview>(TOKEN_REVIEWS, '', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token },
    });
    const { status } = review;
    if (!status?.authenticated) {
      this.unknown.set(key, true, CACHE_LIFETIME);
      return undefined;
    }
    const user: UserInfo = {
      name: status.user?.username ?? '',
      groups: status.user?.groups ?? [],
      ...(status.user?.uid ? { uid: status.user.uid } : {}),
      ...(status.user?.extra ? { extra: status.user.extra } : {}),
    };
    this.known.set(key, user, CACHE_LIFETIME);
    return user;
  }
}

function userOfConnection(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined;
  const subject: CertificateSubject = socket.getPeerCertificate().subject ?? {};
  const user = certificateUser(subject);
  return user && { ...user, groups: [...user.groups, 'system:authenticated'] };
}
