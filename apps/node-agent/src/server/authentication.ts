import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type CertificateSubject, certificateUser, type KubeObject, type UserInfo } from '#apimachinery';
import type { Client } from '#client';
import { ExpiringMap } from './expiring-map.js';

const TOKEN_REVIEWS = { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews' };

/** Kubelet's authentication.webhook.cacheTTL; milliseconds. */
const CACHE_LIFETIME = 120_000;

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
  readonly #tokens: ExpiringMap<UserInfo | null>;

  constructor(
    private readonly client: Client,
    now: () => number,
  ) {
    this.#tokens = new ExpiringMap(now);
  }

  /** Undefined: not known. Rejects when a token could not be checked. */
  async authenticate(request: IncomingMessage): Promise<UserInfo | undefined> {
    return userOfConnection(request.socket as TLSSocket) ?? (await this.#tokenUser(request.headers.authorization));
  }

  async #tokenUser(header: string | undefined): Promise<UserInfo | undefined> {
    const token = /^bearer +(\S+) *$/i.exec(header ?? '')?.[1];
    if (!token) return undefined;
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#tokens.get(key);
    if (known !== undefined) return known ?? undefined;
    const review = await this.client.create<TokenReview>(TOKEN_REVIEWS, '', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token },
    });
    const { status } = review;
    const user: UserInfo | null = status?.authenticated
      ? {
          name: status.user?.username ?? '',
          groups: status.user?.groups ?? [],
          ...(status.user?.uid ? { uid: status.user.uid } : {}),
          ...(status.user?.extra ? { extra: status.user.extra } : {}),
        }
      : null;
    this.#tokens.set(key, user, CACHE_LIFETIME);
    return user ?? undefined;
  }
}

function userOfConnection(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined;
  const subject: CertificateSubject = socket.getPeerCertificate().subject ?? {};
  const user = certificateUser(subject);
  return user && { ...user, groups: [...user.groups, 'system:authenticated'] };
}
