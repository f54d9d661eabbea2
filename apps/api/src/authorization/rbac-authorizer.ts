import { aggregateMessages, type UserInfo } from '#apimachinery';
import { followCache } from '../storage/cache-follower.js';
import type { Store } from '../storage/store.js';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './authorizer.js';
import { ruleAllows, ruleAllowsAnyName } from './policy-rule.js';
import {
  type BindingObject,
  type Grant,
  type GrantedRule,
  grantText,
  RbacIndex,
  type RoleObject,
} from './rbac-index.js';

const GROUP = 'rbac.authorization.k8s.io';
/** Distinct verb and resource pairs that are remembered for a user in a namespace. */
const MAX_OUTCOMES = 1000;
const MAX_NAMESPACES = 1000;

/** What a user may do with one verb and resource, whatever the name; filled on the first such request. */
interface Outcome {
  anyName: AuthorizationDecision | undefined;
  byName: Map<string, AuthorizationDecision> | undefined;
}

interface ResolvedRules {
  rules: GrantedRule[];
  errors: string[];
  /** The answer when no rule allows. */
  refusal: AuthorizationDecision;
  outcomes: Map<string, Outcome>;
}

interface ResolvedUser {
  generation: number;
  byNamespace: Map<string, ResolvedRules>;
}

/**
 * RBAC over the index. Rules are resolved once for a user object and namespace, and answers once for a verb and
 * resource; both are dropped when any role or binding changes. Authenticators hand out the same object for the same
 * sender, which makes a repeated check two map look-ups.
 */
export class RbacAuthorizer implements Authorizer {
  private readonly users = new WeakMap<UserInfo, ResolvedUser>();

  constructor(readonly index: RbacIndex) {}

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    const resolved = this.resolve(attributes.user, attributes.resourceRequest ? attributes.namespace : '');
    if (attributes.resourceRequest) return findDecision(resolved, attributes) ?? resolved.refusal;
    const granted = resolved.rules.find(({ rule }) => ruleAllows(rule, attributes));
    return granted ? allowedBy(granted.grant) : resolved.refusal;
  }

  rulesFor(user: UserInfo, namespace: string): { rules: GrantedRule[]; errors: string[] } {
    return this.resolve(user, namespace);
  }

  private resolve(user: UserInfo, namespace: string): ResolvedRules {
    let resolved = this.users.get(user);
    if (!resolved || resolved.generation !== this.index.generation) {
      resolved = { generation: this.index.generation, byNamespace: new Map() };
      this.users.set(user, resolved);
    }
    let rules = resolved.byNamespace.get(namespace);
    if (!rules) {
      if (resolved.byNamespace.size >= MAX_NAMESPACES) resolved.byNamespace.clear();
      const found = this.index.rulesFor(user, namespace);
      const reason = found.errors.length > 0 ? `RBAC: ${aggregateMessages(found.errors)}` : '';
      rules = { ...found, refusal: Object.freeze({ decision: 'NoOpinion', reason }), outcomes: new Map() };
      resolved.byNamespace.set(namespace, rules);
    }
    return rules;
  }
}

function allowedBy(grant: Grant): AuthorizationDecision {
  return Object.freeze({ decision: 'Allow', reason: `RBAC: allowed by ${grantText(grant)}` });
}

function findDecision(resolved: ResolvedRules, attributes: AuthorizationAttributes): AuthorizationDecision | undefined {
  const { verb, group, resource, subresource } = attributes;
  const key = `${verb} ${group} ${resource} ${subresource}`;
  let outcome = resolved.outcomes.get(key);
  if (!outcome) {
    outcome = { anyName: undefined, byName: undefined };
    for (const { rule, grant } of resolved.rules) {
      if (!ruleAllowsAnyName(rule, attributes)) continue;
      if (!rule.resourceNames?.length) {
        outcome.anyName = allowedBy(grant);
        break;
      }
      outcome.byName ??= new Map();
      for (const name of rule.resourceNames) if (!outcome.byName.has(name)) outcome.byName.set(name, allowedBy(grant));
    }
    if (resolved.outcomes.size >= MAX_OUTCOMES) resolved.outcomes.clear();
    resolved.outcomes.set(key, outcome);
  }
  return outcome.anyName ?? outcome.byName?.get(attributes.name);
}

/** An index that follows the four RBAC caches until the signal fires. */
export function rbacIndexOf(store: Pick<Store, 'cache'>, signal: AbortSignal): RbacIndex {
  const index = new RbacIndex();
  for (const namespaced of [false, true]) {
    const prefix = namespaced ? '' : 'cluster';
    followCache(
      store.cache(`${GROUP}/${prefix}roles`),
      {
        replace: (objects) => {
          index.clear('roles', namespaced);
          for (const object of objects) index.setRole(object.parse() as RoleObject);
        },
        upsert: (object) => index.setRole(object.parse() as RoleObject),
        remove: (object) => index.removeRole(object.parse() as RoleObject),
      },
      signal,
    );
    followCache(
      store.cache(`${GROUP}/${prefix}rolebindings`),
      {
        replace: (objects) => {
          index.clear('bindings', namespaced);
          for (const object of objects) index.setBinding(object.parse() as BindingObject);
        },
        upsert: (object) => index.setBinding(object.parse() as BindingObject),
        remove: (object) => index.removeBinding(object.parse() as BindingObject),
      },
      signal,
    );
  }
  return index;
}
