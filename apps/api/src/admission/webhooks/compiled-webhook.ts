import { type KubeObject, type LabelMatcher, labelSelectorMatcher } from '#apimachinery';
import type { MutatingWebhook, RuleWithOperations, ValidatingWebhook } from '#kinds';
import type { WebhookClientConfig } from '../../webhook-client/webhook-client.js';
import type { CompiledExpression } from '../compiled-expression.js';
import { compileConditions } from './match-conditions.js';

/** A webhook of a configuration, with all that does not depend on requests worked out. */
export interface CompiledWebhook {
  readonly name: string;
  /** Name of its configuration. */
  readonly configuration: string;
  /** Tells it from all other webhooks of its kind. */
  readonly uid: string;
  readonly rules: readonly RuleWithOperations[];
  readonly isEquivalent: boolean;
  /** An Error where a selector that an older release took means nothing. */
  readonly namespaceSelector: LabelMatcher | Error;
  readonly objectSelector: LabelMatcher | Error;
  readonly conditions: readonly CompiledExpression[];
  readonly client: WebhookClientConfig;
  /** Failed calls are as if there was no webhook. */
  readonly ignoresFailures: boolean;
  readonly isReinvoked: boolean;
  readonly timeoutSeconds: number;
  /** Undefined where an older release took none. */
  readonly sideEffects: string | undefined;
  readonly reviewVersions: readonly string[];
}

const DEFAULT_TIMEOUT_SECONDS = 10;

/** The webhooks of one configuration, in their order. */
export function compileWebhooks(configuration: KubeObject): CompiledWebhook[] {
  const { name = '' } = configuration.metadata;
  const names = new Map<string, number>();
  return ((configuration['webhooks'] ?? []) as (MutatingWebhook | ValidatingWebhook)[]).map((webhook) => {
    const sameBefore = names.get(webhook.name) ?? 0;
    names.set(webhook.name, sameBefore + 1);
    return compile(webhook, name, `${name}/${webhook.name}/${sameBefore}`);
  });
}

function compile(webhook: MutatingWebhook | ValidatingWebhook, configuration: string, uid: string): CompiledWebhook {
  return {
    ...{ name: webhook.name, configuration, uid },
    rules: webhook.rules ?? [],
    isEquivalent: (webhook.matchPolicy ?? 'Equivalent') === 'Equivalent',
    namespaceSelector: selectorOf(webhook.namespaceSelector),
    objectSelector: selectorOf(webhook.objectSelector),
    conditions: compileConditions(webhook.matchConditions ?? []),
    client: webhook.clientConfig as WebhookClientConfig,
    ignoresFailures: webhook.failurePolicy === 'Ignore',
    isReinvoked: 'reinvocationPolicy' in webhook && webhook.reinvocationPolicy === 'IfNeeded',
    timeoutSeconds: webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    sideEffects: webhook.sideEffects,
    reviewVersions: webhook.admissionReviewVersions ?? [],
  };
}

/** A selector that is none fails each time. */
export function selectorOf(selector: object | undefined): LabelMatcher | Error {
  try {
    return labelSelectorMatcher(selector ?? {});
  } catch (error) {
    return error as Error;
  }
}
