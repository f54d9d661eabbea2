import { createHash, createPrivateKey, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { UserInfo } from '#apimachinery';
import type { SecretToken } from '#controllers';
import { EXTRA, serviceAccountGroups, serviceAccountUser, withAuthenticatedGroup } from '../identity/users.js';
import type { Lister } from '../storage/lister.js';
import { checkByNewestState, sharedAudiences } from './account-token.js';
import { BoundedCache } from './bounded-cache.js';
import { LEGACY_CLAIMS, LEGACY_ISSUER } from './legacy-token-claims.js';
import { checkClaims, readClaims, type ServiceAccountClaims } from './service-account-claims.js';
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.js';
import { encodePart, signedClaims, signingOptions, type VerificationKey, verificationKey } from './token-signature.js';

/** JSON Web Key Set of the keys, for OIDC discovery. */
export function jsonWebKeys(keys: readonly VerificationKey[]): { keys: JsonWebKey[] } {
  return {
    keys: keys.map(({ id, algorithm, key }) => {
      const jwk = key.export({ format: 'jwk' });
      return { use: 'sig', kty: jwk.kty, kid: id, alg: algorithm, ...jwk };
    }),
  };
}

export class ServiceAccountTokenIssuer {
  private readonly key: KeyObject;
  private readonly header: string;
  private readonly algorithm: 'RS256' | 'ES256';

  constructor(
    privateKeyPem: string,
    readonly issuer: string,
  ) {
    this.key = createPrivateKey(privateKeyPem);
    const { id, algorithm } = verificationKey(privateKeyPem);
    this.algorithm = algorithm;
    this.header = encodePart({ alg: algorithm, kid: id });
  }

  issue(claims: Omit<ServiceAccountClaims, 'iss' | 'jti'>): string {
    // Keys in alphabetical order, as upstream's encoder leaves them.
    const full: ServiceAccountClaims = {
      aud: claims.aud,
      exp: claims.exp,
      iat: claims.iat,
      iss: this.issuer,
      jti: randomUUID(),
      'kubernetes.io': claims['kubernetes.io'],
      nbf: claims.nbf,
      sub: claims.sub,
    };
    return this.signed(full);
  }

  /** A token without end, for a Secret: good as long as the Secret has it. Its claims are k8s.io/kubernetes' legacy ones. */
  issueForSecret({ namespace, account, accountUid, secret }: SecretToken): string {
    return this.signed({
      iss: LEGACY_ISSUER,
      [LEGACY_CLAIMS.namespace]: namespace,
      [LEGACY_CLAIMS.secret]: secret,
      [LEGACY_CLAIMS.account]: account,
      [LEGACY_CLAIMS.accountUid]: accountUid,
      sub: serviceAccountUser(namespace, account),
    });
  }

  private signed(claims: object): string {
    const text = `${this.header}.${encodePart(claims)}`;
    const signature = sign('sha256', Buffer.from(text), signingOptions(this.algorithm, this.key));
    return `${text}.${signature.toString('base64url')}`;
  }
}

interface Verified {
  claims: ServiceAccountClaims;
  user: UserInfo;
}

/**
 * ServiceAccount tokens of this cluster. A good signature is remembered by the token's hash; times and the objects that
 * the token is bound to are looked at on every request, which the caches make cheap: deleting a pod ends its tokens at once.
 * A token is refused for such an object only by the newest state: it may have been made a moment ago, through another replica.
 */
export class ServiceAccountTokenAuthenticator implements TokenAuthenticator {
  /** Told of each use of a token; must not throw. `stale`: its holder should have renewed it. */
  onUse: (use: 'valid' | 'stale') => void = () => {};
  private readonly verified = new BoundedCache<string, Verified>(8192);

  constructor(
    private readonly keys: readonly VerificationKey[],
    private readonly issuers: readonly string[],
    private readonly lister: Lister,
    private readonly readBarrier: () => Promise<unknown>,
    private readonly clock: () => number = Date.now,
  ) {}

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenIdentity | undefined> {
    const hash = createHash('sha256').update(token).digest('base64');
    let entry = this.verified.get(hash);
    if (!entry) {
      const claims = this.claimsOf(token);
      if (!claims) return undefined;
      entry = { claims, user: userOf(claims) };
      this.verified.set(hash, entry);
    }
    const shared = sharedAudiences(entry.claims.aud, audiences);
    const { claims, user } = entry;
    await checkByNewestState(() => checkClaims(claims, this.lister, this.clock()), this.readBarrier);
    const { warnafter } = claims['kubernetes.io'];
    this.onUse(warnafter && this.clock() / 1000 > warnafter ? 'stale' : 'valid');
    return { user, audiences: shared };
  }

  private claimsOf(token: string): ServiceAccountClaims | undefined {
    const body = signedClaims(token, this.issuers, this.keys);
    if (body === undefined) return undefined;
    const claims = readClaims(body);
    if (!claims)
      throw new Error('service account token claims could not be validated due to unexpected validation error');
    return claims;
  }
}

function userOf(claims: ServiceAccountClaims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
  const extra: Record<string, string[]> = {};
  if (pod) {
    extra[EXTRA.podName] = [pod.name];
    extra[EXTRA.podUid] = [pod.uid];
  }
  if (claims.jti) extra[EXTRA.credentialId] = [`JTI=${claims.jti}`];
  if (node) {
    extra[EXTRA.nodeName] = [node.name];
    if (node.uid) extra[EXTRA.nodeUid] = [node.uid];
  }
  return withAuthenticatedGroup({
    name: serviceAccountUser(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : undefined),
  });
}
