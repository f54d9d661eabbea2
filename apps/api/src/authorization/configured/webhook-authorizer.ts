import { ownValue } from '#apimachinery';
import type { CelProgram } from '#cel';
import { type Logger, loadKubeconfig } from '#client';
import { AnswerCache } from '../../webhook-client/answer-cache.js';
import { ReviewClient, ReviewError, reviewStatus } from '../../webhook-client/review-client.js';
import type { AuthorizationMetrics } from '../authorization-metrics.js';
import type { AuthorizationAttributes, AuthorizationDecision } from '../authorizer.js';
import type { ChainedAuthorizer, ResolvedUserRules } from '../authorizer-chain.js';
import { isShort, type ReviewSpec, reviewSpec, writtenSpec } from './access-review.js';
import type { AuthorizationWebhook } from './authorization-configuration.js';
import { compileMatchCondition, matches } from './match-conditions.js';

/** Answers that are remembered. */
const CAPACITY = 8192;

export interface WebhookAuthorizerOptions {
  clock: () => number;
  logger: Logger;
  signal: AbortSignal;
  metrics: AuthorizationMetrics;
  /** Before the second attempt, in milliseconds. */
  firstPauseMs?: number;
}

const NO_OPINION: AuthorizationDecision = Object.freeze({ decision: 'NoOpinion', reason: '' });

/** Asks a webhook by SubjectAccessReview, and remembers what it says. The configuration is valid. */
export class WebhookAuthorizer implements ChainedAuthorizer {
  readonly counter;
  private readonly conditions: readonly CelProgram[];
  private readonly client: ReviewClient;
  private readonly answers: AnswerCache<AuthorizationDecision>;
  private readonly review: { apiVersion: string; kind: string };

  /** Throws when the kubeconfig cannot be used. */
  constructor(
    readonly name: string,
    private readonly webhook: AuthorizationWebhook,
    private readonly options: WebhookAuthorizerOptions,
  ) {
    const { metrics, clock, signal, firstPauseMs } = options;
    this.counter = metrics.counter('Webhook', name);
    this.conditions = webhook.matchConditions.map(compileMatchCondition);
    this.answers = new AnswerCache(CAPACITY, clock);
    this.review = {
      apiVersion: `authorization.k8s.io/${webhook.subjectAccessReviewVersion}`,
      kind: 'SubjectAccessReview',
    };
    this.client = new ReviewClient(loadKubeconfig(webhook.connectionInfo.kubeConfigFile!), {
      timeoutMs: webhook.timeoutMs,
      onAttempt: (result, millis) => metrics.called(name, result, millis),
      ...{ signal, firstPauseMs },
    });
  }

  /** Decides without waiting what conditions exclude, and what is remembered. */
  authorize(attributes: AuthorizationAttributes): AuthorizationDecision | Promise<AuthorizationDecision> {
    const spec = reviewSpec(attributes);
    const isFor = this.matches(spec);
    if (isFor instanceof Error) return this.failed(isFor.message);
    if (!isFor) return NO_OPINION;
    const key = JSON.stringify(spec);
    return this.answers.get(key) ?? this.ask(spec, isShort(attributes) ? key : undefined);
  }

  rulesFor(): ResolvedUserRules {
    return { rules: [], incomplete: true, errors: ['webhook authorizer does not support user rule resolution'] };
  }

  close(): void {
    this.client.close();
  }

  private matches(spec: ReviewSpec): boolean | Error {
    if (this.conditions.length === 0) return true;
    const startedAt = performance.now();
    const outcome = matches(this.conditions, spec);
    this.options.metrics.matched(this.name, outcome, performance.now() - startedAt);
    return outcome;
  }

  private async ask(spec: ReviewSpec, key: string | undefined): Promise<AuthorizationDecision> {
    const { metrics, logger, clock, signal } = this.options;
    let decision: AuthorizationDecision;
    try {
      const written = writtenSpec(spec, this.webhook.subjectAccessReviewVersion);
      const review = { ...this.review, metadata: {}, spec: written, status: { allowed: false } };
      const answer = await this.client.review(review);
      decision = decisionOf(reviewStatus(answer, this.review));
    } catch (error) {
      const { message } = error as Error;
      logger.error('Failed to make webhook authorizer request', { webhook: this.name, error: message });
      if (this.webhook.failurePolicy === 'NoOpinion' && !signal.aborted) {
        metrics.failedOpen(this.name, error instanceof ReviewError ? error.result : 'error');
      }
      return this.failed(message);
    }
    const forMs = decision.decision === 'Allow' ? this.authorizedMs : this.unauthorizedMs;
    if (key !== undefined && forMs > 0) this.answers.set(key, decision, clock() + forMs);
    return decision;
  }

  private get authorizedMs(): number {
    return this.webhook.cacheAuthorizedRequests ? this.webhook.authorizedTtlMs : 0;
  }

  private get unauthorizedMs(): number {
    return this.webhook.cacheUnauthorizedRequests ? this.webhook.unauthorizedTtlMs : 0;
  }

  private failed(error: string): AuthorizationDecision {
    return { decision: this.webhook.failurePolicy === 'Deny' ? 'Deny' : 'NoOpinion', reason: '', error };
  }
}

/** Throws where a field is of another type: what almost says yes is no. */
function decisionOf(status: Readonly<Record<string, unknown>>): AuthorizationDecision {
  const allowed = truth(status, 'allowed');
  const denied = truth(status, 'denied');
  const given = ownValue(status, 'reason') ?? '';
  if (typeof given !== 'string')
    throw new ReviewError('the webhook answered with a reason that is no text', 'error', false);
  const reason = given;
  if (denied && allowed) {
    const error = 'webhook subject access review returned both allow and deny response';
    return { decision: 'Deny', reason, error };
  }
  return { decision: denied ? 'Deny' : allowed ? 'Allow' : 'NoOpinion', reason };
}

function truth(status: Readonly<Record<string, unknown>>, field: string): boolean {
  const value = ownValue(status, field) ?? false;
  if (typeof value === 'boolean') return value;
  throw new ReviewError(`the webhook answered with ${field} that is no boolean`, 'error', false);
}
