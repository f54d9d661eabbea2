import { forbidden, internalError, StatusError, timeout } from '#apimachinery';
import type { Logger } from '#client';
import type { ResourceCatalog } from '#kinds';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { Lister } from '../../storage/lister.js';
import { WebhookCallError } from '../../webhook-client/call-error.js';
import type { WebhookClient } from '../../webhook-client/webhook-client.js';
import type { AdmissionRequest } from '../admission-request.js';
import {
  admissionReview,
  InvalidReview,
  type ReviewResponse,
  readReview,
  reviewRequest,
  reviewVersionOf,
} from './admission-review.js';
import { evaluateConditions } from './match-conditions.js';
import type { ReviewRequest } from './review-request.js';
import type { VersionedObjects } from './versioned-objects.js';
import { dryRunUnsupported, WebhookDenial, WebhookFailure } from './webhook-errors.js';
import type { WebhookMetrics, WebhookType } from './webhook-metrics.js';
import { selects } from './webhook-selectors.js';
import type { Candidate } from './webhook-source.js';

/** What both kinds of webhooks are called with. */
export interface WebhookContext {
  readonly client: Pick<WebhookClient, 'call'>;
  readonly catalog: ResourceCatalog;
  readonly lister: Lister;
  readonly authorizer: Authorizer;
  readonly metrics: WebhookMetrics;
  readonly log: Pick<Logger, 'warn'>;
}

const NO_SIDE_EFFECTS = new Set(['None', 'NoneOnDryRun']);
/** Bytes of an answer: the patch of the largest object there can be, in base64. */
const LARGEST_ANSWER = 8 * 1024 * 1024;

/** Asks webhooks of one type about requests. */
export class WebhookCaller {
  constructor(
    private readonly context: WebhookContext,
    private readonly type: WebhookType,
  ) {}

  /** Whether selectors and conditions want the request. Rejects with StatusError where that cannot be told. */
  async wants(candidate: Candidate, request: AdmissionRequest, objects: VersionedObjects): Promise<boolean> {
    const { webhook } = candidate;
    if (!selects(webhook, request, this.context.lister)) return false;
    if (webhook.conditions.length === 0) return true;
    const review = await this.review(candidate, request, objects);
    const began = performance.now();
    const outcome = evaluateConditions(webhook.conditions, review, request, this.context.authorizer);
    this.context.metrics.evaluated(webhook.name, this.type, request.operation, secondsSince(began), outcome);
    if (!(outcome instanceof Error)) return outcome;
    if (webhook.ignoresFailures) return false;
    const { group, resource } = request.resource;
    throw forbidden({ group, resource }, request.name, outcome.message);
  }

  /**
   * Asks the webhook, and has `use` make something of a yes. Resolves without that when the call failed and the webhook's policy passes
   * over it. Rejects with the webhook's refusal, or with a 500 that says what failed.
   */
  async ask(
    candidate: Candidate,
    request: AdmissionRequest,
    objects: VersionedObjects,
    use?: (response: ReviewResponse) => Promise<void>,
  ): Promise<void> {
    const { webhook } = candidate;
    const began = performance.now();
    const count = (code: number, isRejected: boolean) =>
      this.context.metrics.called(webhook.name, this.type, request.operation, secondsSince(began), code, isRejected);
    try {
      const response = await this.answer(candidate, request, objects);
      await use?.(response);
      count(200, false);
    } catch (error) {
      const { code, cause } = outcomeOf(error);
      const isPassedOver = error instanceof WebhookFailure && webhook.ignoresFailures;
      count(code, !isPassedOver);
      if (isPassedOver) {
        this.passOver(candidate, request, error);
        return;
      }
      if (!(error instanceof WebhookFailure && error.isCanceled)) {
        this.context.metrics.rejected(webhook.name, this.type, request.operation, cause, code);
      }
      throw refusalOf(error, request);
    }
  }

  private passOver(candidate: Candidate, request: AdmissionRequest, error: WebhookFailure): void {
    const { webhook } = candidate;
    if (request.signal.aborted) throw overdue();
    this.context.metrics.failedOpen(webhook.name, this.type);
    this.context.log.warn('a failed call to an admission webhook is ignored', {
      webhook: webhook.name,
      configuration: webhook.configuration,
      error: error.message,
    });
    const prefix = this.type === 'admit' ? 'mutation' : 'validating';
    const round = request.reinvocation?.round ?? 0;
    const key = `failed-open.${prefix}.webhook.admission.k8s.io/round_${round}_index_${candidate.index}`;
    request.annotate(key, webhook.name);
  }

  /** The webhook's yes. Rejects with WebhookDenial, WebhookFailure, or another StatusError. */
  private async answer(
    candidate: Candidate,
    request: AdmissionRequest,
    objects: VersionedObjects,
  ): Promise<ReviewResponse> {
    const { webhook } = candidate;
    if (request.dryRun) checkDryRun(candidate);
    const version = reviewVersionOf(webhook.reviewVersions);
    if (version === undefined) {
      const why = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)';
      throw new WebhookFailure(webhook.name, `could not create admission objects: ${why}`, 400);
    }
    const review = await this.review(candidate, request, objects);
    const response = await this.exchange(candidate, request, version, review);
    for (const [key, value] of response.auditAnnotations) request.annotate(`${webhook.name}/${key}`, value);
    for (const warning of response.warnings) if (warning !== '') request.warn(warning);
    if (!response.allowed) throw WebhookDenial.by(webhook.name, response.result);
    return response;
  }

  private async exchange(
    { webhook }: Candidate,
    { signal }: AdmissionRequest,
    version: string,
    review: ReviewRequest,
  ): Promise<ReviewResponse> {
    const failure = (reason: string, code: number, isCanceled = false) =>
      new WebhookFailure(webhook.name, reason, code, isCanceled);
    const options = { signal, timeoutSeconds: webhook.timeoutSeconds, largestAnswer: LARGEST_ANSWER };
    let answer: unknown;
    try {
      answer = await this.context.client.call(webhook.client, admissionReview(version, review), options);
    } catch (error) {
      if (!(error instanceof WebhookCallError)) throw error;
      throw failure(`failed to call webhook: ${error.message}`, error.status.code, error.canceled);
    }
    try {
      return readReview(answer, version, review.uid, this.type === 'admit');
    } catch (error) {
      if (!(error instanceof InvalidReview)) throw error;
      const what = error.isUnreadable ? 'failed to call webhook' : 'received invalid webhook response';
      throw failure(`${what}: ${error.message}`, 503);
    }
  }

  private async review(
    candidate: Candidate,
    request: AdmissionRequest,
    objects: VersionedObjects,
  ): Promise<ReviewRequest> {
    return reviewRequest(request, candidate, {
      object: await objects.object(candidate.kind),
      oldObject: await objects.oldObject(candidate.kind),
    });
  }
}

/** The 504 of a request whose time is up. */
export function overdue(): StatusError {
  return timeout('request did not complete within requested timeout');
}

function checkDryRun({ webhook }: Candidate): void {
  if (webhook.sideEffects === undefined) throw new WebhookFailure(webhook.name, 'Webhook SideEffects is nil', 400);
  if (!NO_SIDE_EFFECTS.has(webhook.sideEffects)) throw dryRunUnsupported(webhook.name);
}

function outcomeOf(error: unknown) {
  if (error instanceof WebhookFailure) return { code: error.code, cause: 'calling_webhook_error' } as const;
  if (error instanceof WebhookDenial) return { code: error.code, cause: 'no_error' } as const;
  return { code: 0, cause: 'apiserver_internal_error' } as const;
}

function refusalOf(error: unknown, { signal }: AdmissionRequest): unknown {
  if (!(error instanceof WebhookFailure)) return error;
  return error.isCanceled && signal.aborted ? overdue() : internalError(error);
}

function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}
