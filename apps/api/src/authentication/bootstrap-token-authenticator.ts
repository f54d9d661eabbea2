import { timingSafeEqual } from 'node:crypto';
import type { KubeObject } from '#apimachinery';
import { ownValue } from '#apimachinery';
import { withAuthenticatedGroup } from '../identity/users.js';
import type { Lister } from '../storage/lister.js';
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.js';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const DEFAULT_GROUP = 'system:bootstrappers';

/** Tokens `<id>.<secret>` kept as Secrets `bootstrap-token-<id>` in kube-system: how a new node asks for its certificate. */
export class BootstrapTokenAuthenticator implements TokenAuthenticator {
  constructor(
    private readonly lister: Lister,
    private readonly clock: () => number = Date.now,
  ) {}

  authenticateToken(token: string, audiences: readonly string[]): TokenIdentity | undefined {
    const [, id, secretPart] = TOKEN.exec(token) ?? [];
    if (!id || !secretPart) return undefined;
    const secret = this.lister.get('secrets', 'kube-system', `bootstrap-token-${id}`);
    if (!secret || secret.metadata.deletionTimestamp || secret['type'] !== 'bootstrap.kubernetes.io/token')
      return undefined;
    if (!equalInConstantTime(dataOf(secret, 'token-secret'), secretPart)) return undefined;
    if (dataOf(secret, 'token-id') !== id || this.expired(secret)) return undefined;
    if (dataOf(secret, 'usage-bootstrap-authentication') !== 'true') return undefined;
    const groups = groupsOf(secret);
    return groups && { user: withAuthenticatedGroup({ name: `system:bootstrap:${id}`, groups }), audiences };
  }

  /** An expiration that cannot be read counts as past. */
  private expired(secret: KubeObject): boolean {
    const expiration = dataOf(secret, 'expiration');
    if (expiration === '') return false;
    const time = Date.parse(expiration);
    return Number.isNaN(time) || time <= this.clock();
  }
}

function dataOf(secret: KubeObject, key: string): string {
  const value = ownValue(secret['data'], key);
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : '';
}

/** Undefined when a group is outside system:bootstrappers:, which no token may grant. */
function groupsOf(secret: KubeObject): string[] | undefined {
  const extra = dataOf(secret, 'auth-extra-groups');
  const groups = new Set([DEFAULT_GROUP, ...(extra === '' ? [] : extra.split(','))]);
  for (const group of groups) {
    if (group !== DEFAULT_GROUP && !GROUP.test(group)) return undefined;
  }
  return [...groups].sort();
}

function equalInConstantTime(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
