import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import type { Pod } from '../pod/pod.js';
import type { TokenRequestSpec, TokenSource } from '../volumes/volume-plugin.js';

const SERVICE_ACCOUNTS = { group: '', version: 'v1', resource: 'serviceaccounts' };
const DEFAULT_SECONDS = 3600;
/** A token is renewed when this share of its life is over, or a day after it was made. */
const RENEW_AT = 0.8;
const LONGEST_USE = 24 * 3600 * 1000;

interface Held {
  token: string;
  renewAt: number;
}

/** Tokens of the pods' ServiceAccounts, bound to their pods, kept until they are due. */
export class ServiceAccountTokens implements TokenSource {
  private readonly held = new Map<string, Held>();

  constructor(
    private readonly client: Client,
    private readonly now: () => number,
  ) {}

  async token(pod: Pod, spec: TokenRequestSpec): Promise<string> {
    const { uid, name, namespace } = pod.metadata;
    const account = pod.spec.serviceAccountName || 'default';
    const key = `${uid}/${account}/${spec.audience ?? ''}/${spec.expirationSeconds ?? ''}`;
    const held = this.held.get(key);
    const now = this.now();
    if (held && now < held.renewAt) return held.token;
    try {
      const request: KubeObject = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: {
          audiences: spec.audience ? [spec.audience] : [],
          expirationSeconds: spec.expirationSeconds ?? DEFAULT_SECONDS,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      };
      const answer = await this.client.create<KubeObject>(SERVICE_ACCOUNTS, namespace, request, {
        subresource: 'token',
        name: account,
      });
      const { token, expirationTimestamp } = answer['status'] as { token: string; expirationTimestamp: string };
      const life = Date.parse(expirationTimestamp) - now;
      this.held.set(key, { token, renewAt: now + Math.min(life * RENEW_AT, LONGEST_USE) });
      return token;
    } catch (error) {
      // An old token is better than none while the API server is away.
      if (held) return held.token;
      throw new Error(`failed to fetch token: ${(error as Error).message}`);
    }
  }

  forget(uid: string): void {
    for (const key of this.held.keys()) if (key.startsWith(`${uid}/`)) this.held.delete(key);
  }
}
