import {
  type FieldError,
  FieldPath,
  isDNS1035Label,
  isDNS1123Subdomain,
  semanticEqual,
  validateLabelSelector,
} from '#apimachinery';
import { checkSelector } from '../../core/v1/pod/pod-scheduling.validation.js';
import type { MutatingWebhook, ObjectMeta, ValidatingWebhook } from '../../generated/types.js';
import { FieldCursor } from '../../validation/field-cursor.js';
import type { Rule } from '../../validation/rules.js';
import { checkClientConfig } from '../../validation/webhook-client.js';
import { checkRule, matchPolicies } from './match-rules.validation.js';
import { checkMatchConditions, failurePolicies, reinvocationPolicies } from './policy.validation.js';
import { PolicyExpressions } from './policy-expressions.js';
import { checkReservedName, reservedNameRule } from './reserved-name.validation.js';

/** Webhooks of both kinds of configuration. */

const withoutSideEffects = ['None', 'NoneOnDryRun'];
const anySideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
/** Versions of AdmissionReview that the server speaks. */
const reviewVersions = ['v1', 'v1beta1'];

export const webhookRules: readonly Rule[] = [
  reservedNameRule,
  'names of webhooks are unique, domain names of at least three segments',
  'rules: operations, groups, versions and resources are there, * excludes the others, scope is one of *, Cluster, Namespaced',
  'failurePolicy is one of Fail, Ignore; matchPolicy is one of Equivalent, Exact',
  'sideEffects is required, one of None, NoneOnDryRun; an update keeps what an older release accepted',
  'timeoutSeconds is 1 to 30',
  'selectors are well-formed; an update keeps label values that an older release accepted',
  'clientConfig: exactly one of url (https, without user, query or fragment) and service',
  'matchConditions: at most 64, with unique names and an expression',
  'expressions of matchConditions compile to bool; an update keeps functions that a newer release knows',
  'admissionReviewVersions: required, unique, at least one of v1, v1beta1; an update keeps what an older release accepted',
];

type Webhook = ValidatingWebhook | MutatingWebhook;

/** What an update may keep because the stored object has it. */
interface Leniency {
  sideEffects: boolean;
  reviewVersions: boolean;
  names: boolean;
  labelValues: boolean;
  /** Conditions that did not change are not looked at again. */
  conditions: boolean;
  /** Of its conditions. */
  expressions: ReadonlySet<string>;
}

export function createErrors(configuration: { metadata: ObjectMeta; webhooks?: readonly Webhook[] }): FieldError[] {
  const at = new FieldCursor();
  checkReservedName(at, configuration.metadata);
  return [...webhookErrors(configuration.webhooks ?? [], undefined), ...at.all()];
}

export function webhookErrors(webhooks: readonly Webhook[], old: readonly Webhook[] | undefined): FieldError[] {
  const lenient = leniencyFor(webhooks, old);
  const at = new FieldCursor();
  const names = new Set<string>();
  at.each('webhooks', webhooks, (webhook) => {
    checkWebhook(at, webhook, lenient);
    checkReviewVersions(at, webhook.admissionReviewVersions ?? [], lenient);
    if (!lenient.names && webhook.name && names.has(webhook.name)) at.duplicate('name', webhook.name);
    names.add(webhook.name);
  });
  return at.all();
}

function leniencyFor(webhooks: readonly Webhook[], old: readonly Webhook[] | undefined): Leniency {
  const before = old ?? [];
  const hasBadSelector = ({ namespaceSelector, objectSelector }: Webhook): boolean =>
    [namespaceSelector, objectSelector].some(
      (selector) => validateLabelSelector(selector, FieldPath.of('')).length > 0,
    );
  return {
    sideEffects: before.some(({ sideEffects }) => !withoutSideEffects.includes(sideEffects)),
    reviewVersions: before.some(({ admissionReviewVersions: versions = [] }) => {
      return versions.length > 0 && !versions.some((version) => reviewVersions.includes(version));
    }),
    names: new Set(before.map(({ name }) => name)).size < before.length,
    labelValues: before.some(hasBadSelector),
    expressions: new Set(
      before.flatMap(({ matchConditions }) => (matchConditions ?? []).map(({ expression = '' }) => expression.trim())),
    ),
    conditions:
      old !== undefined &&
      old.length === webhooks.length &&
      old.every(({ matchConditions }, i) => semanticEqual(matchConditions, webhooks[i]!.matchConditions)),
  };
}

function checkWebhook(at: FieldCursor, webhook: Webhook, lenient: Leniency): void {
  const { timeoutSeconds: timeout, sideEffects, clientConfig } = webhook;
  checkName(at, webhook.name ?? '');
  at.each('rules', webhook.rules, (rule) => checkRule(at, rule));
  at.optionalChoice('failurePolicy', webhook.failurePolicy, failurePolicies);
  at.optionalChoice('matchPolicy', webhook.matchPolicy, matchPolicies);
  const allowed = lenient.sideEffects ? anySideEffects : withoutSideEffects;
  if (sideEffects === undefined || sideEffects === null)
    at.required('sideEffects', `must specify one of ${allowed.join(', ')}`);
  at.optionalChoice('sideEffects', sideEffects, allowed);
  if (timeout !== undefined && (timeout < 1 || timeout > 30)) {
    at.invalid('timeoutSeconds', timeout, 'the timeout value must be between 1 and 30 seconds');
  }
  checkSelector(at, 'namespaceSelector', webhook.namespaceSelector, lenient.labelValues);
  checkSelector(at, 'objectSelector', webhook.objectSelector, lenient.labelValues);
  if ('reinvocationPolicy' in webhook) {
    at.optionalChoice('reinvocationPolicy', webhook.reinvocationPolicy, reinvocationPolicies);
  }
  at.within('clientConfig', () =>
    checkClientConfig(at, clientConfig ?? {}, 'exactly one of url or service is required'),
  );
  if (!lenient.conditions) {
    checkMatchConditions(at, webhook.matchConditions, new PolicyExpressions(false, lenient.expressions));
  }
}

function checkName(at: FieldCursor, name: string): void {
  const problems = isDNS1123Subdomain(name);
  if (name === '') at.required('name');
  else if (problems.length > 0) at.invalid('name', name, problems.join(','));
  else if (name.split('.').length < 3) {
    at.invalid('name', name, 'should be a domain with at least three segments separated by dots');
  }
}

function checkReviewVersions(at: FieldCursor, versions: readonly string[], lenient: Leniency): void {
  if (versions.length === 0) {
    at.required('admissionReviewVersions', `must specify one of ${reviewVersions.join(', ')}`);
    return;
  }
  const seen = new Set<string>();
  at.each('admissionReviewVersions', versions, (version) => {
    if (seen.has(version)) at.invalid('', version, 'duplicate version');
    else at.format('', version, isDNS1035Label);
    seen.add(version);
  });
  if (!lenient.reviewVersions && !versions.some((version) => reviewVersions.includes(version))) {
    at.invalid('admissionReviewVersions', versions, `must include at least one of ${reviewVersions.join(', ')}`);
  }
}
