import type { UserInfo } from '#apimachinery';
import { MASTERS_GROUP, nodeIdentity } from '../identity/users.js';
import type { Store } from '../storage/store.js';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './authorizer.js';
import { NodeAuthorizer } from './node-authorizer.js';
import { nodeGraphOf } from './node-graph.js';
import type { PolicyRule } from './policy-rule.js';
import { RbacAuthorizer, rbacIndexOf } from './rbac-authorizer.js';

export interface AuthorizationOptions {
  store: Pick<Store, 'cache'>;
  /** Rules of ClusterRole system:node, taken from the code and not from the cluster: nobody edits what nodes may do. */
  nodeRules: readonly PolicyRule[];
  /** Ends the following of the caches. */
  signal: AbortSignal;
}

/** What a user may do in a namespace, as far as it can be listed. */
export interface ResolvedUserRules {
  rules: PolicyRule[];
  incomplete: boolean;
  errors: string[];
}

export interface Authorization extends Authorizer {
  rbac: RbacAuthorizer;
  rulesFor(user: UserInfo, namespace: string): ResolvedUserRules;
}

const MASTERS: AuthorizationDecision = { decision: 'Allow', reason: '' };

/** system:masters may do all; then the first of Node and RBAC that has an opinion. */
export function createAuthorizer(options: AuthorizationOptions): Authorization {
  const rbac = new RbacAuthorizer(rbacIndexOf(options.store, options.signal));
  const node = new NodeAuthorizer(nodeGraphOf(options.store, options.signal), options.nodeRules);
  return chainAuthorizers(node, rbac);
}

export function chainAuthorizers(node: NodeAuthorizer, rbac: RbacAuthorizer): Authorization {
  const afterNode = (attributes: AuthorizationAttributes, first: AuthorizationDecision): AuthorizationDecision => {
    if (first.decision !== 'NoOpinion') return first;
    const second = rbac.authorize(attributes);
    if (second.decision !== 'NoOpinion') return second;
    return { decision: 'NoOpinion', reason: [first.reason, second.reason].filter(Boolean).join('\n') };
  };
  return {
    rbac,
    authorize(attributes) {
      if (attributes.user.groups.includes(MASTERS_GROUP)) return MASTERS;
      const first = node.authorize(attributes);
      return first instanceof Promise
        ? first.then((decision) => afterNode(attributes, decision))
        : afterNode(attributes, first);
    },
    rulesFor(user, namespace) {
      const { rules, errors } = rbac.rulesFor(user, namespace);
      const { isNode } = nodeIdentity(user);
      return {
        // A role that several bindings give is listed once.
        rules: [...new Set(rules.map(({ rule }) => rule))],
        incomplete: isNode,
        errors: isNode ? ['node authorizer does not support user rule resolution', ...errors] : errors,
      };
    },
  };
}
