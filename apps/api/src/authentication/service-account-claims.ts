import type { KubeObject } from '#apimachinery';
import type { Lister } from '../storage/lister.js';

export interface ObjectClaim {
  name: string;
  uid: string;
}

/** The claims of a ServiceAccount token, with upstream's names: other software reads them. */
export interface ServiceAccountClaims {
  aud: string[];
  /** Seconds since 1970, like the other times. */
  exp: number;
  iat: number;
  iss: string;
  jti: string;
  nbf: number;
  sub: string;
  'kubernetes.io': {
    namespace: string;
    serviceaccount: ObjectClaim;
    pod?: ObjectClaim;
    secret?: ObjectClaim;
    node?: ObjectClaim;
    warnafter?: number;
  };
}

/** Clocks may differ by this much, seconds; objects that are being deleted count as there for as long. */
const LEEWAY_SECONDS = 60;

/** What a token is bound to is not here, or is another object by now; a replica that is behind may be wrong about that. */
export class BoundObjectMissing extends Error {
  override readonly name: string = 'BoundObjectMissing';
}

/** Throws an Error when the times do not fit or an object that the token is bound to is gone. `now` in milliseconds. */
export function checkClaims(claims: ServiceAccountClaims, lister: Lister, now: number): void {
  checkTimes(claims, now / 1000);
  const { namespace, serviceaccount, pod, secret, node } = claims['kubernetes.io'];
  const account = lister.get('serviceaccounts', namespace, serviceaccount.name);
  if (!account) throw new BoundObjectMissing(`serviceaccounts "${serviceaccount.name}" not found`);
  if (account.metadata.uid !== serviceaccount.uid) {
    throw new BoundObjectMissing(
      `service account UID (${account.metadata.uid}) does not match claim (${serviceaccount.uid})`,
    );
  }
  if (deletedBefore(account, now))
    throw new Error(`service account ${namespace}/${serviceaccount.name} has been deleted`);
  if (secret) checkBound(lister.get('secrets', namespace, secret.name), secret, 'secret', now);
  if (pod) checkBound(lister.get('pods', namespace, pod.name), pod, 'pod', now);
  // A pod-bound token only carries its node as information.
  else if (node) checkBound(lister.get('nodes', '', node.name), node, 'node', now);
}

function checkTimes(claims: ServiceAccountClaims, now: number): void {
  if (now + LEEWAY_SECONDS < claims.nbf) throw new Error('service account token is not valid yet');
  if (now - LEEWAY_SECONDS > claims.exp) throw new Error('service account token has expired');
  if (now + LEEWAY_SECONDS < claims.iat) throw new Error('service account token is issued in the future');
}

function checkBound(
  object: KubeObject | undefined,
  claim: ObjectClaim,
  what: 'pod' | 'secret' | 'node',
  now: number,
): void {
  if (!object) throw new BoundObjectMissing('service account token has been invalidated');
  if (object.metadata.uid !== claim.uid) {
    throw new BoundObjectMissing(
      `${what} UID (${object.metadata.uid}) does not match service account ${what} ref claim (${claim.uid})`,
    );
  }
  if (deletedBefore(object, now)) throw new Error('service account token has been invalidated');
}

function deletedBefore(object: KubeObject, now: number): boolean {
  const deletion = object.metadata.deletionTimestamp;
  return deletion !== undefined && Date.parse(deletion) < now - LEEWAY_SECONDS * 1000;
}

/** Undefined when the payload is no claim set of ours. */
export function readClaims(payload: unknown): ServiceAccountClaims | undefined {
  const claims = payload as ServiceAccountClaims;
  const own = claims?.['kubernetes.io'];
  if (typeof own?.namespace !== 'string' || typeof own.serviceaccount?.name !== 'string') return undefined;
  if (typeof own.serviceaccount.uid !== 'string') return undefined;
  for (const time of [claims.exp, claims.iat, claims.nbf]) if (typeof time !== 'number') return undefined;
  const aud = typeof claims.aud === 'string' ? [claims.aud] : claims.aud;
  if (!Array.isArray(aud) || aud.length === 0 || aud.some((item) => typeof item !== 'string')) return undefined;
  return { ...claims, aud };
}
