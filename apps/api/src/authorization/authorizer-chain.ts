import { aggregateMessages, type UserInfo } from '#apimachinery';
import { MASTERS_GROUP, nodeIdentity } from '../identity/users.js';
import type { DecisionCounter } from './authorization-metrics.js';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './authorizer.js';
import type { NodeAuthorizer } from './node-authorizer.js';
import type { PolicyRule } from './policy-rule.js';
import type { RbacAuthorizer } from './rbac-authorizer.js';

/** What a user may do in a namespace, as far as it can be listed. */
export interface ResolvedUserRules {
  rules: PolicyRule[];
  incomplete: boolean;
  errors: string[];
}

export interface Authorization extends Authorizer {
  /** Roles and bindings, whoever decides: nobody grants in them what they do not have. */
  rbac: RbacAuthorizer;
  rulesFor(user: UserInfo, namespace: string): ResolvedUserRules;
}

/** A link of the chain. */
export interface ChainedAuthorizer extends Authorizer {
  rulesFor(user: UserInfo, namespace: string): ResolvedUserRules;
  /** Counts decisions that end the chain; absent: nobody does. */
  readonly counter?: DecisionCounter;
}

type Answer = AuthorizationDecision | Promise<AuthorizationDecision>;

const MASTERS: AuthorizationDecision = { decision: 'Allow', reason: '' };

/** system:masters may do all; then the first of the authorizers that has an opinion. Others can take their place at any time. */
export class AuthorizerChain implements Authorization {
  constructor(
    readonly rbac: RbacAuthorizer,
    private links: readonly ChainedAuthorizer[],
  ) {}

  replace(links: readonly ChainedAuthorizer[]): void {
    this.links = links;
  }

  authorize(attributes: AuthorizationAttributes): Answer {
    if (attributes.user.groups.includes(MASTERS_GROUP)) return MASTERS;
    return askFrom(this.links, 0, attributes, []);
  }

  rulesFor(user: UserInfo, namespace: string): ResolvedUserRules {
    const all = this.links.map((link) => link.rulesFor(user, namespace));
    return {
      rules: all.flatMap(({ rules }) => rules),
      incomplete: all.some(({ incomplete }) => incomplete),
      errors: all.flatMap(({ errors }) => errors),
    };
  }
}

/** Does not wait as long as no authorizer does: a check of roles is a few look-ups. */
function askFrom(
  links: readonly ChainedAuthorizer[],
  from: number,
  attributes: AuthorizationAttributes,
  before: readonly AuthorizationDecision[],
): Answer {
  let undecided = before;
  for (let at = from; at < links.length; at += 1) {
    const link = links[at]!;
    const answer = link.authorize(attributes);
    if (answer instanceof Promise) {
      const earlier = undecided;
      return answer.then((decision) =>
        ends(link, decision) ? decision : askFrom(links, at + 1, attributes, [...earlier, decision]),
      );
    }
    if (ends(link, answer)) return answer;
    undecided = undecided.length === 0 ? [answer] : [...undecided, answer];
  }
  return undecided.length === 1 ? undecided[0]! : noOpinion(undecided);
}

function ends({ counter }: ChainedAuthorizer, { decision }: AuthorizationDecision): boolean {
  if (decision === 'NoOpinion') return false;
  counter?.(decision);
  return true;
}

function noOpinion(undecided: readonly AuthorizationDecision[]): AuthorizationDecision {
  const errors = undecided.flatMap(({ error }) => error ?? []);
  const reasons = undecided.map(({ reason }) => reason).filter(Boolean);
  return {
    decision: 'NoOpinion',
    reason: reasons.join('\n'),
    ...(errors.length > 0 ? { error: aggregateMessages(errors) } : undefined),
  };
}

export function nodeLink(node: NodeAuthorizer, counter?: DecisionCounter): ChainedAuthorizer {
  return {
    counter,
    authorize: (attributes) => node.authorize(attributes),
    rulesFor(user) {
      const { isNode } = nodeIdentity(user);
      const errors = isNode ? ['node authorizer does not support user rule resolution'] : [];
      return { rules: [], incomplete: isNode, errors };
    },
  };
}

export function rbacLink(rbac: RbacAuthorizer, counter?: DecisionCounter): ChainedAuthorizer {
  return {
    counter,
    authorize: (attributes) => rbac.authorize(attributes),
    rulesFor(user, namespace) {
      const { rules, errors } = rbac.rulesFor(user, namespace);
      // A role that several bindings give is listed once.
      return { rules: [...new Set(rules.map(({ rule }) => rule))], incomplete: false, errors };
    },
  };
}

const ANYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Says the same to everybody. */
export function constantLink(isAllowed: boolean, counter?: DecisionCounter): ChainedAuthorizer {
  const decision: AuthorizationDecision = isAllowed
    ? { decision: 'Allow', reason: '' }
    : { decision: 'NoOpinion', reason: 'Everything is forbidden.' };
  return {
    counter,
    authorize: () => decision,
    rulesFor: () => ({ rules: isAllowed ? [...ANYTHING] : [], incomplete: false, errors: [] }),
  };
}
