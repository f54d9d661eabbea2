import {
  badRequest,
  bare,
  conflict,
  field,
  formatTime,
  invalid,
  type KubeObject,
  notFound,
  quote,
} from '#apimachinery';
import type { ServiceAccountClaims } from '../../authentication/service-account-claims.js';
import type { ServiceAccountTokenIssuer } from '../../authentication/service-account-tokens.js';
import { serviceAccountUser } from '../../identity/users.js';
import type { VirtualRequest, VirtualResource } from '../../registry/virtual-resource.js';
import type { Lister } from '../../storage/lister.js';

const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
const DEFAULT_SECONDS = 3600;
/**
 * What the mounted volume asks for. Such a token lives a year in truth, so that programs that read theirs only once go
 * on working; its `warnafter` says when it should have been renewed. The kubelet renews by the shorter time.
 */
const MOUNTED_SECONDS = 3607;
const EXTENDED_SECONDS = 365 * 24 * 3600;

export interface TokenRequestOptions {
  issuer: ServiceAccountTokenIssuer;
  /** This server's audiences: what a request without audiences gets. */
  audiences: readonly string[];
  lister: Lister;
  /** Brings the lister to the newest state: what a token is bound to may have been made a moment ago, through another replica. */
  readBarrier(): Promise<unknown>;
  clock?: () => number;
}

/** serviceaccounts/token: a token for a ServiceAccount, on demand. */
export function tokenRequestResource(options: TokenRequestOptions): VirtualResource {
  return {
    group: '',
    version: 'v1',
    resource: 'serviceaccounts',
    subresource: 'token',
    kind: 'TokenRequest',
    namespaced: true,
    create: (request) => createToken(options, request),
  };
}

async function createToken(options: TokenRequestOptions, request: VirtualRequest): Promise<KubeObject> {
  const { namespace, name, object } = request;
  await options.readBarrier();
  const metadata = (object.metadata ??= {});
  mustMatch(name, 'name', metadata.name, name);
  mustMatch(name, 'namespace', metadata.namespace, namespace);
  const account = options.lister.get('serviceaccounts', namespace, name);
  if (!account) throw notFound({ group: '', resource: 'serviceaccounts' }, name);
  const accountUid = account.metadata.uid ?? '';
  if (metadata.uid && metadata.uid !== accountUid) {
    throw conflict(
      { group: KIND.group, resource: KIND.kind },
      name,
      `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${accountUid})`,
    );
  }
  const now = (options.clock ?? Date.now)();
  const spec: Record<string, any> = (object['spec'] ??= {});
  if (!spec['audiences']?.length) spec['audiences'] = [...options.audiences];
  spec['expirationSeconds'] ??= DEFAULT_SECONDS;
  Object.assign(metadata, { name, namespace, uid: accountUid, creationTimestamp: formatTime(new Date(now)) });
  validate(spec);

  const bound = spec['boundObjectRef'] ? bind(options.lister, namespace, name, spec['boundObjectRef']) : {};
  const seconds: number = spec['expirationSeconds'];
  const own = spec['audiences'].every((audience: string) => options.audiences.includes(audience));
  const extended = bound.pod !== undefined && seconds === MOUNTED_SECONDS && own;
  const issuedAt = Math.floor(now / 1000);
  const token = options.issuer.issue({
    aud: spec['audiences'],
    exp: issuedAt + (extended ? EXTENDED_SECONDS : seconds),
    iat: issuedAt,
    'kubernetes.io': {
      namespace,
      ...(bound.node ? { node: bound.node } : undefined),
      ...(bound.pod ? { pod: bound.pod } : undefined),
      ...(bound.secret ? { secret: bound.secret } : undefined),
      serviceaccount: { name, uid: accountUid },
      ...(extended ? { warnafter: issuedAt + seconds } : undefined),
    },
    nbf: issuedAt,
    sub: serviceAccountUser(namespace, name),
  });
  object['status'] = { token, expirationTimestamp: formatTime(new Date(now + seconds * 1000)) };
  return object;
}

function mustMatch(name: string, what: 'name' | 'namespace', given: string | undefined, wanted: string): void {
  if (!given || given === wanted) return;
  const detail = `must match the service account ${what} if specified`;
  throw invalid(KIND, name, [field.invalid(`metadata.${what}`, given, detail)]);
}

function validate(spec: Record<string, any>): void {
  const seconds = spec['expirationSeconds'];
  const errors = [];
  if (seconds < MIN_SECONDS) {
    errors.push(field.invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'));
  }
  if (seconds > MAX_SECONDS) {
    errors.push(
      field.invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds'),
    );
  }
  if (spec['attestations'] && Object.keys(spec['attestations']).length > 0) {
    const detail = 'attestations may only be specified with a webhook bound object reference';
    throw invalid(KIND, '', [field.invalid('spec.attestations', spec['attestations'], detail)]);
  }
  if (errors.length > 0) throw invalid(KIND, '', errors);
}

type Bound = Pick<ServiceAccountClaims['kubernetes.io'], 'pod' | 'secret' | 'node'>;

function bind(lister: Lister, namespace: string, account: string, ref: Record<string, string | undefined>): Bound {
  const group = ref['apiVersion']?.includes('/') ? ref['apiVersion'].split('/')[0]! : '';
  const resources = bare<{ resource: string; namespace: string }>({
    Pod: { resource: 'pods', namespace },
    Secret: { resource: 'secrets', namespace },
    Node: { resource: 'nodes', namespace: '' },
  });
  const target = group === '' ? resources[ref['kind'] ?? ''] : undefined;
  if (!target) {
    const [first = '', second] = (ref['apiVersion'] ?? '').split('/');
    const version = second ?? first;
    throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref['kind'] ?? ''}`);
  }
  const name = ref['name'] ?? '';
  const object = lister.get(target.resource, target.namespace, name);
  if (!object) throw notFound({ group: '', resource: target.resource }, name);
  if (ref['kind'] === 'Pod' && object['spec']?.serviceAccountName !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount ${quote(account)} to pod running with different serviceaccount name.`,
    );
  }
  const uid = object.metadata.uid ?? '';
  if (ref['uid'] && ref['uid'] !== uid) {
    throw conflict(
      { group: '', resource: ref['kind']! },
      name,
      `the UID in the bound object reference (${ref['uid']}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  const claim = { name, uid };
  if (ref['kind'] === 'Secret') return { secret: claim };
  if (ref['kind'] === 'Node') return { node: claim };
  const nodeName = object['spec']?.nodeName;
  if (!nodeName) return { pod: claim };
  // A node that is gone is still named: who reads the token learns where the pod was.
  return { pod: claim, node: { name: nodeName, uid: lister.get('nodes', '', nodeName)?.metadata.uid ?? '' } };
}
