import type { LabelMatcher } from '#apimachinery';
import type { MatchResources, NamedRuleWithOperations, ResourceCatalog } from '#kinds';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionRequest } from '../admission-request.js';
import { selectorOf } from '../webhooks/compiled-webhook.js';
import { type RuleTarget, ruleMatches } from '../webhooks/webhook-rules.js';
import { selects } from '../webhooks/webhook-selectors.js';
import { type Equivalent, equivalentResources, isInNamespace } from '../webhooks/webhook-source.js';

/** As what a policy wants to see a request. */
export type MatchedAs = Equivalent;

/** matchConstraints of a policy or matchResources of a binding: k8s.io/apiserver/pkg/admission/plugin/policy/matching. */
export class PolicyMatch {
  readonly namespaceSelector: LabelMatcher | Error;
  readonly objectSelector: LabelMatcher | Error;

  constructor(private readonly wanted: MatchResources) {
    this.namespaceSelector = selectorOf(wanted.namespaceSelector);
    this.objectSelector = selectorOf(wanted.objectSelector);
  }

  /** Undefined when the request is not meant. Throws a StatusError where a selector cannot tell. */
  find(request: AdmissionRequest, catalog: ResourceCatalog, lister: Lister): MatchedAs | undefined {
    const { resourceRules = [], excludeResourceRules = [] } = this.wanted;
    if (this.byRules(excludeResourceRules, request, catalog) !== undefined) return undefined;
    const { kind, resource } = request;
    const found = resourceRules.length === 0 ? { kind, resource } : this.byRules(resourceRules, request, catalog);
    return found !== undefined && selects(this, request, lister) ? found : undefined;
  }

  private byRules(
    rules: readonly NamedRuleWithOperations[],
    request: AdmissionRequest,
    catalog: ResourceCatalog,
  ): MatchedAs | undefined {
    const { operation, resource, subresource, kind } = request;
    const target: RuleTarget = { operation, resource, subresource, isNamespaced: isInNamespace(request) };
    const named = rules.filter((rule) => isNamed(rule, request.name));
    if (named.some((rule) => ruleMatches(rule, target))) return { resource, kind };
    if (named.length === 0 || this.wanted.matchPolicy === 'Exact') return undefined;
    return equivalentResources(catalog, target).find((other) =>
      named.some((rule) => ruleMatches(rule, { ...target, resource: other.resource })),
    );
  }
}

function isNamed({ resourceNames = [] }: NamedRuleWithOperations, name: string): boolean {
  return resourceNames.length === 0 || resourceNames.includes(name);
}
