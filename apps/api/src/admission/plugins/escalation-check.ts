import { bare, deepEqual, forbidden, type KubeObject, notFound, quote, type UserInfo } from '#apimachinery';
import type { Authorization } from '../../authorization/authorizer-chain.js';
import type { PolicyRule } from '../../authorization/policy-rule.js';
import type { RoleRef } from '../../authorization/rbac-index.js';
import { describeRules, RulesTooComplex, uncoveredRules } from '../../authorization/rule-coverage.js';
import { MASTERS_GROUP } from '../../identity/users.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';

const GROUP = 'rbac.authorization.k8s.io';
const FULL_AUTHORITY: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/**
 * Nobody grants what they do not have: writes of roles need every right in them (or the verb `escalate`), writes of
 * bindings every right of their role (or the verb `bind`). Not a plugin in the reference but part of its storage; here it
 * runs at the end of the mutating ones, which is the same place.
 */
export class EscalationCheck implements AdmissionPlugin {
  readonly name = 'RBACEscalationCheck';

  constructor(private readonly authorization: Authorization) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (resource.group !== GROUP || subresource !== '') return false;
    return operation === 'CREATE' || operation === 'UPDATE';
  }

  async admit(request: AdmissionRequest): Promise<void> {
    if (request.user.groups.includes(MASTERS_GROUP)) return;
    const object = request.object!;
    const old = request.operation === 'UPDATE' ? request.oldObject : undefined;
    if (old && changesGarbageCollectionOnly(object, old)) return;
    const isRole = request.resource.resource === 'roles' || request.resource.resource === 'clusterroles';
    if (isRole) await this.checkRole(request, object, old);
    else await this.checkBinding(request, object);
  }

  private async checkRole(request: AdmissionRequest, object: KubeObject, old: KubeObject | undefined): Promise<void> {
    const { resource, namespace, name, user } = request;
    if (await this.may(user, 'escalate', resource.resource, namespace, old ? name : '')) return;
    await this.confirm(request, object['rules'] ?? []);
    if (aggregates(object) || aggregates(old)) {
      const missing = await this.missing(user, namespace, FULL_AUTHORITY);
      if (missing.length > 0) {
        throw refuse(request, 'must have cluster-admin privileges to use the aggregationRule');
      }
    }
  }

  private async checkBinding(request: AdmissionRequest, object: KubeObject): Promise<void> {
    const ref = (object['roleRef'] ?? {}) as RoleRef;
    const resources = bare<string>({ ClusterRole: 'clusterroles', Role: 'roles' });
    const target = resources[ref.kind];
    // Validation has the word on anything else.
    if (!target) return;
    const { namespace, user } = request;
    if (await this.may(user, 'bind', target, namespace, ref.name)) return;
    let rules: readonly PolicyRule[];
    try {
      rules = this.authorization.rbac.index.rulesOf(ref, namespace);
    } catch {
      throw notFound({ group: GROUP, resource: target }, ref.name);
    }
    await this.confirm(request, rules);
  }

  private async may(user: UserInfo, verb: string, resource: string, namespace: string, name: string): Promise<boolean> {
    const { decision } = await this.authorization.authorize({
      user,
      verb,
      resourceRequest: true,
      group: GROUP,
      version: '*',
      resource,
      subresource: '',
      namespace,
      name,
      path: '',
    });
    return decision === 'Allow';
  }

  private missing(user: UserInfo, namespace: string, rules: readonly PolicyRule[]): Promise<PolicyRule[]> {
    const owned = this.authorization.rbac.rulesFor(user, namespace).rules.map(({ rule }) => rule);
    return uncoveredRules(owned, rules);
  }

  private async confirm(request: AdmissionRequest, rules: readonly PolicyRule[]): Promise<void> {
    const { user, namespace } = request;
    let missing: PolicyRule[];
    try {
      missing = await this.missing(user, namespace, rules);
    } catch (error) {
      if (error instanceof RulesTooComplex) throw refuse(request, error.message);
      throw error;
    }
    if (missing.length === 0) return;
    const groups = `[${user.groups.map(quote).join(' ')}]`;
    const { errors } = this.authorization.rbac.rulesFor(user, namespace);
    const resolution = errors.length > 0 ? `; resolution errors: [${errors.join(' ')}]` : '';
    throw refuse(
      request,
      `user ${quote(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${describeRules(missing).join('\n')}${resolution}`,
    );
  }
}

function refuse(request: AdmissionRequest, why: string) {
  return forbidden(request.resource, request.object?.metadata.name ?? request.name, why);
}

function aggregates(role: KubeObject | undefined): boolean {
  return role?.['aggregationRule']?.clusterRoleSelectors?.length > 0;
}

/** Owners and finalizers may change without the rights in the object: the garbage collector has none. */
export function changesGarbageCollectionOnly(object: KubeObject, old: KubeObject): boolean {
  const strip = ({ metadata, ...rest }: KubeObject) => {
    const { ownerReferences: _, finalizers: __, managedFields: ___, ...meta } = metadata;
    return { ...rest, metadata: meta };
  };
  return deepEqual(strip(object), strip(old));
}
