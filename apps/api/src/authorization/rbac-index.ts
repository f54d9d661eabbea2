import { quote, type UserInfo } from '#apimachinery';
import { SERVICE_ACCOUNT_USER_PREFIX } from '../identity/users.js';
import type { PolicyRule } from './policy-rule.js';

export interface RoleRef {
  apiGroup?: string;
  kind: string;
  name: string;
}

export interface Subject {
  kind: string;
  apiGroup?: string;
  name: string;
  namespace?: string;
}

export interface RoleObject {
  metadata: { name?: string; namespace?: string };
  rules?: PolicyRule[] | null;
}

export interface BindingObject {
  metadata: { name?: string; namespace?: string };
  roleRef: RoleRef;
  subjects?: Subject[] | null;
}

/** One rule that a user has, with the grant that it comes from. */
export interface GrantedRule {
  rule: PolicyRule;
  grant: Grant;
}

/** One subject of one binding. */
export interface Grant {
  binding: BindingObject;
  subject: Subject;
}

/**
 * Roles and bindings, with the bindings filed by whom they name, so that what a user may do is found without looking at
 * anybody else's. `generation` moves with every change: derived results are good while it stands.
 */
export class RbacIndex {
  generation = 0;
  private readonly roles = new Map<string, RoleObject>();
  private readonly bindings = new Map<string, BindingObject>();
  /** `u:<user>` or `g:<group>` to namespace ('' for the cluster) to the grants, by binding. */
  private readonly grants = new Map<string, Map<string, Map<string, Grant>>>();

  setRole(role: RoleObject): void {
    this.roles.set(keyOf(role), role);
    this.generation++;
  }

  removeRole(role: RoleObject): void {
    this.roles.delete(keyOf(role));
    this.generation++;
  }

  setBinding(binding: BindingObject): void {
    const key = keyOf(binding);
    this.unfile(key);
    this.bindings.set(key, binding);
    const scope = binding.metadata.namespace ?? '';
    for (const subject of binding.subjects ?? []) {
      const holder = holderOf(subject, scope);
      if (!holder) continue;
      const scopes = getOrAdd(this.grants, holder, () => new Map<string, Map<string, Grant>>());
      const filed = getOrAdd(scopes, scope, () => new Map<string, Grant>());
      if (!filed.has(key)) filed.set(key, { binding, subject });
    }
    this.generation++;
  }

  removeBinding(binding: BindingObject): void {
    this.unfile(keyOf(binding));
    this.bindings.delete(keyOf(binding));
    this.generation++;
  }

  /** Forgets all (Cluster)Roles or all (Cluster)RoleBindings of one scope kind. */
  clear(what: 'roles' | 'bindings', namespaced: boolean): void {
    const isOurs = (object: RoleObject) => Boolean(object.metadata.namespace) === namespaced;
    if (what === 'roles') {
      for (const role of [...this.roles.values()].filter(isOurs)) this.removeRole(role);
    } else {
      for (const binding of [...this.bindings.values()].filter(isOurs)) this.removeBinding(binding);
    }
  }

  private unfile(key: string): void {
    const known = this.bindings.get(key);
    if (!known) return;
    const scope = known.metadata.namespace ?? '';
    for (const subject of known.subjects ?? []) {
      const holder = holderOf(subject, scope);
      const scopes = holder ? this.grants.get(holder) : undefined;
      const filed = scopes?.get(scope);
      if (!holder || !scopes || !filed) continue;
      filed.delete(key);
      if (filed.size === 0) scopes.delete(scope);
      if (scopes.size === 0) this.grants.delete(holder);
    }
  }

  /** Rules of the role that a binding in `namespace` ('' for the cluster) refers to. Throws an Error when it is not there. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] {
    if (ref.kind !== 'Role' && ref.kind !== 'ClusterRole') {
      throw new Error(`unsupported role reference kind: ${quote(ref.kind)}`);
    }
    const role = this.roles.get(`${ref.kind === 'Role' ? namespace : ''}/${ref.name}`);
    if (!role || (ref.kind === 'Role' && namespace === '')) {
      throw new Error(`${ref.kind.toLowerCase()}.rbac.authorization.k8s.io ${quote(ref.name)} not found`);
    }
    return role.rules ?? [];
  }

  /**
   * All rules of a user in a namespace ('': cluster-wide ones only), and what went wrong in finding them. Those of a role
   * once, however many bindings lead to it: 5000 bindings to a role of 10,000 rules fit into one namespace.
   */
  rulesFor(user: UserInfo, namespace: string): { rules: GrantedRule[]; errors: string[] } {
    const holders = [`u:${user.name}`, ...user.groups.map((group) => `g:${group}`)];
    const rules: GrantedRule[] = [];
    const errors: string[] = [];
    for (const scope of namespace === '' ? [''] : ['', namespace]) {
      const seen = new Set<string>();
      const roles = new Set<readonly PolicyRule[]>();
      for (const holder of holders) {
        for (const [key, grant] of this.grants.get(holder)?.get(scope) ?? []) {
          if (seen.has(key)) continue;
          seen.add(key);
          try {
            const granted = this.rulesOf(grant.binding.roleRef, scope);
            if (roles.has(granted)) continue;
            roles.add(granted);
            for (const rule of granted) rules.push({ rule, grant });
          } catch (error) {
            errors.push((error as Error).message);
          }
        }
      }
    }
    return { rules, errors };
  }
}

/** `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`. */
export function grantText({ binding, subject }: Grant): string {
  const { name = '', namespace } = binding.metadata;
  const kind = namespace ? 'RoleBinding' : 'ClusterRoleBinding';
  const named = namespace ? `${name}/${namespace}` : name;
  const who =
    subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || (namespace ?? '')}` : subject.name;
  return `${kind} ${quote(named)} of ${binding.roleRef.kind} ${quote(binding.roleRef.name)} to ${subject.kind} ${quote(who)}`;
}

function keyOf(object: RoleObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`;
}

/** A ServiceAccount is the user of its name; without a namespace it is one of the binding's own. */
function holderOf(subject: Subject, bindingNamespace: string): string | undefined {
  switch (subject.kind) {
    case 'User':
      return `u:${subject.name}`;
    case 'Group':
      return `g:${subject.name}`;
    case 'ServiceAccount': {
      const namespace = subject.namespace || bindingNamespace;
      return namespace === '' ? undefined : `u:${SERVICE_ACCOUNT_USER_PREFIX}${namespace}:${subject.name}`;
    }
    default:
      return undefined;
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
