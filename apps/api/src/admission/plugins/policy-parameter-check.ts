import { deepEqual, field, invalid, type KubeObject, parseGroupVersion, type UserInfo } from '#apimachinery';
import type { ParamKind, ParamRef, ResourceCatalog } from '#kinds';
import type { Authorizer } from '../../authorization/authorizer.js';
import { MASTERS_GROUP } from '../../identity/users.js';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';

const GROUP = 'admissionregistration.k8s.io';
const KINDS_OF_POLICY = ['validatingadmissionpolicies', 'mutatingadmissionpolicies'];
/** By the resource of the bindings: that of their policies. */
const POLICIES_OF_BINDINGS: ReadonlyMap<string, string> = new Map([
  ['validatingadmissionpolicybindings', 'validatingadmissionpolicies'],
  ['mutatingadmissionpolicybindings', 'mutatingadmissionpolicies'],
]);

/** What is asked for where it is not known which resource the parameters are of. */
const EVERYTHING = { group: '*', version: '*', resource: '*' };

interface ParameterResource {
  readonly asked: typeof EVERYTHING;
  /** Why more is asked for than would be needed. */
  readonly trouble?: string;
}

/**
 * A policy shows parameters to whom it refuses something, so that who writes policies and bindings may read the parameters. Not a plugin
 * in the reference but part of its storage, after validation; here it is the first of the validating ones, which is the same place.
 */
export class PolicyParameterCheck implements AdmissionPlugin {
  readonly name = 'PolicyParameterCheck';

  constructor(
    private readonly lister: Lister,
    private readonly authorizer: Authorizer,
    private readonly catalog: ResourceCatalog,
  ) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (resource.group !== GROUP || subresource !== '') return false;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
    return KINDS_OF_POLICY.includes(resource.resource) || POLICIES_OF_BINDINGS.has(resource.resource);
  }

  async validate(request: AdmissionRequest): Promise<void> {
    if (request.user.groups.includes(MASTERS_GROUP)) return;
    const policies = POLICIES_OF_BINDINGS.get(request.resource.resource);
    if (policies === undefined) await this.checkPolicy(request);
    else await this.checkBinding(request, policies);
  }

  private async checkPolicy(request: AdmissionRequest): Promise<void> {
    const kind: ParamKind | undefined = request.object!['spec'].paramKind;
    if (kind === undefined || deepEqual(kind, request.oldObject?.['spec'].paramKind)) return;
    const { user } = request;
    const { asked } = this.resourceOf(kind);
    if (await this.may(user, 'get', asked, '*', '*')) return;
    const { kind: name = '', apiVersion = '' } = kind;
    const what = `(kind=${name}, apiVersion=${apiVersion})`;
    const why = `user ${shown(user)} must have "get" permission on all objects of the referenced paramKind ${what}`;
    throw refused(request, 'spec.paramKind', why);
  }

  /** At each write: the reference compares references by the addresses of their parts, which never are the same. */
  private async checkBinding(request: AdmissionRequest, policies: string): Promise<void> {
    const { user, object } = request;
    const { paramRef, policyName = '' } = object!['spec'] as { paramRef?: ParamRef; policyName?: string };
    if (paramRef === undefined) return;
    const { asked, trouble } = this.resourceOfPolicy(
      this.lister.get(`${GROUP}/${policies}`, '', policyName),
      policyName,
    );
    const { name = '', namespace = '' } = paramRef;
    const verb = name === '' ? 'list' : 'get';
    if (await this.may(user, verb, asked, namespace, name)) return;
    throw refused(request, 'spec.paramRef', whyNot(request, verb, trouble));
  }

  private resourceOfPolicy(policy: KubeObject | undefined, name: string): ParameterResource {
    if (policy === undefined) return { asked: EVERYTHING, trouble: `unable to get policy ${name}` };
    const kind: ParamKind | undefined = policy['spec'].paramKind;
    return kind === undefined ? { asked: EVERYTHING } : this.resourceOf(kind);
  }

  private resourceOf(kind: ParamKind): ParameterResource {
    const { apiVersion = '', kind: name = '' } = kind;
    const parsed = parseGroupVersion(apiVersion);
    const shownKind = `paramKind &{${apiVersion} ${name}}`;
    if (parsed === undefined) return { asked: EVERYTHING, trouble: `unable to parse ${shownKind}` };
    const { group, version } = parsed;
    const found = this.catalog.findKind(group, version, name);
    if (found === undefined)
      return { asked: { group, version, resource: '*' }, trouble: `unable to resolve ${shownKind}` };
    return { asked: { group, version, resource: found.plural } };
  }

  private async may(
    user: UserInfo,
    verb: string,
    resource: typeof EVERYTHING,
    namespace: string,
    name: string,
  ): Promise<boolean> {
    const asked = { user, verb, resourceRequest: true, ...resource, subresource: '', namespace, name, path: '' };
    const { decision } = await this.authorizer.authorize(asked);
    return decision === 'Allow';
  }
}

function whyNot({ user, resource }: AdmissionRequest, verb: string, trouble: string | undefined): string {
  if (trouble !== undefined) {
    const lacks = `user ${shown(user)} does not have "${verb}" permission for all groups, versions and resources`;
    return `${trouble} to determine minimum required permissions and ${lacks}`;
  }
  // The reference names user and verb in this order for bindings of mutating policies.
  const [first, second] = resource.resource.startsWith('mutating') ? [verb, shown(user)] : [shown(user), verb];
  return `user ${first} does not have "${second}" permission on the object referenced by paramRef`;
}

function refused({ kind, object, name }: AdmissionRequest, path: string, why: string) {
  return invalid(kind, object!.metadata.name ?? name, [field.forbidden(path, why)]);
}

/** As Go prints a user. */
function shown({ name, uid = '', groups, extra = {} }: UserInfo): string {
  const values = Object.entries(extra).sort(([a], [b]) => (a < b ? -1 : 1));
  const more = values.map(([key, list]) => `${key}:[${list.join(' ')}]`).join(' ');
  return `&{${name} ${uid} [${groups.join(' ')}] map[${more}]}`;
}
