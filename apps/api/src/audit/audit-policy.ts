import type { AuthorizationAttributes } from '../authorization/authorizer.js';
import type { AuditLevel, AuditStage } from './audit-event.js';

export interface GroupResources {
  group: string;
  resources: readonly string[];
  resourceNames: readonly string[];
}

/** A rule matches when all its fields do; an empty list matches everything. */
export interface PolicyRule {
  level: AuditLevel;
  users: readonly string[];
  userGroups: readonly string[];
  verbs: readonly string[];
  resources: readonly GroupResources[];
  namespaces: readonly string[];
  nonResourceURLs: readonly string[];
  omitStages: readonly AuditStage[];
  omitManagedFields: boolean | undefined;
}

export interface AuditPolicy {
  rules: readonly PolicyRule[];
  omitStages: readonly AuditStage[];
  omitManagedFields: boolean;
}

/** How one request is audited. */
export interface AuditDecision {
  level: AuditLevel;
  omitStages: ReadonlySet<AuditStage>;
  omitManagedFields: boolean;
}

/** What a policy looks at; the user is absent where authentication failed. */
export type AuditedAttributes = Omit<AuthorizationAttributes, 'user'> & Partial<Pick<AuthorizationAttributes, 'user'>>;

/** Decides by the first rule that matches; requests that match none are not audited. */
export class PolicyEvaluator {
  private readonly rules: readonly { rule: PolicyRule; decision: AuditDecision }[];
  private readonly unmatched: AuditDecision;

  constructor({ rules, omitStages, omitManagedFields }: AuditPolicy) {
    this.rules = rules.map((rule) => ({
      rule,
      decision: {
        level: rule.level,
        omitStages: new Set([...omitStages, ...rule.omitStages]),
        omitManagedFields: rule.omitManagedFields ?? omitManagedFields,
      },
    }));
    this.unmatched = { level: 'None', omitStages: new Set(omitStages), omitManagedFields };
  }

  decide(attributes: AuditedAttributes): AuditDecision {
    for (const { rule, decision } of this.rules) if (matches(rule, attributes)) return decision;
    return this.unmatched;
  }
}

function matches(rule: PolicyRule, attributes: AuditedAttributes): boolean {
  const { user } = attributes;
  if (rule.users.length > 0 && !(user && rule.users.includes(user.name))) return false;
  if (rule.userGroups.length > 0 && !user?.groups.some((group) => rule.userGroups.includes(group))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(attributes.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return matchesResource(rule, attributes);
  if (rule.nonResourceURLs.length > 0) {
    return !attributes.resourceRequest && rule.nonResourceURLs.some((url) => matchesPath(attributes.path, url));
  }
  return true;
}

/** A `*` at the end stands for any rest. */
function matchesPath(path: string, url: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, '')));
}

function matchesResource({ namespaces, resources }: PolicyRule, attributes: AuditedAttributes): boolean {
  if (!attributes.resourceRequest) return false;
  if (namespaces.length > 0 && !namespaces.includes(attributes.namespace)) return false;
  return resources.length === 0 || resources.some((group) => matchesGroup(group, attributes));
}

function matchesGroup({ group, resources, resourceNames }: GroupResources, attributes: AuditedAttributes): boolean {
  if (group !== '*' && group !== attributes.group) return false;
  if (resources.length === 0) return true;
  if (resourceNames.length > 0 && !resourceNames.includes(attributes.name)) return false;
  const { resource, subresource } = attributes;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some(
    (text) =>
      text === '*' ||
      text === whole ||
      (subresource !== '' && text === `*/${subresource}`) ||
      (text.endsWith('/*') && text.slice(0, -2) === resource),
  );
}
