import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject, ownValue } from '#apimachinery';
import { type ClientConfig, HttpTransport } from '#client';
import { AnswerTooLarge, boundedBytes } from '../codec/bounded-answer.js';
import { answerError, goText, WebhookCallError } from './call-error.js';

/** A review is a question and a short answer. */
const LARGEST_ANSWER = 1024 * 1024;
/** The reference's: five attempts, each pause half as long again, give or take a fifth. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const FACTOR = 1.5;
const JITTER = 0.2;
const RETRIED_CODES = [429, 500, 504];

/** How one attempt ended. */
export type ReviewResult = 'success' | 'timeout' | 'error' | 'canceled';

export interface ReviewClientOptions {
  /** Of one attempt, in milliseconds. */
  timeoutMs: number;
  /** Ends all calls. */
  signal: AbortSignal;
  /** Told of each attempt. Must not throw. */
  onAttempt?(result: ReviewResult, millis: number): void;
  /** Before the second attempt. */
  firstPauseMs?: number;
}

/** What a review failed with. The message is what kube-apiserver's client says of it. */
export class ReviewError extends Error {
  constructor(
    message: string,
    readonly result: Exclude<ReviewResult, 'success'>,
    readonly mayRetry: boolean,
  ) {
    super(message);
  }
}

/** POSTs reviews to the server of a kubeconfig, exactly at its address, and gives the object that it answers. */
export class ReviewClient {
  private readonly transport: HttpTransport;
  private readonly url: string;

  constructor(
    config: ClientConfig,
    private readonly options: ReviewClientOptions,
  ) {
    this.url = config.server;
    this.transport = new HttpTransport(config, { userAgent: 'kube-apiserver', followRetryAfter: false });
  }

  /** Rejects with ReviewError, after as many attempts as the failure allows. */
  async review(review: object): Promise<Readonly<Record<string, unknown>>> {
    const body = JSON.stringify(review);
    const { signal, firstPauseMs = FIRST_PAUSE_MS } = this.options;
    let pause = firstPauseMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(body);
      } catch (error) {
        if (!(error instanceof ReviewError) || !error.mayRetry || attempt === ATTEMPTS || signal.aborted) throw error;
      }
      await sleep(pause * (1 + Math.random() * JITTER), undefined, { signal, ref: false }).catch(() => {});
      pause *= FACTOR;
    }
  }

  /** Drops the connections; calls under way fail. */
  close(): void {
    this.transport.close();
  }

  private async attempt(body: string): Promise<Readonly<Record<string, unknown>>> {
    const { onAttempt } = this.options;
    const startedAt = performance.now();
    try {
      const answer = await this.post(body);
      onAttempt?.('success', performance.now() - startedAt);
      return answer;
    } catch (error) {
      if (error instanceof ReviewError) onAttempt?.(error.result, performance.now() - startedAt);
      throw error;
    }
  }

  private async post(body: string): Promise<Readonly<Record<string, unknown>>> {
    const { signal, timeoutMs } = this.options;
    const late = AbortSignal.timeout(timeoutMs);
    const failed = (error: Error) => {
      if (error instanceof ReviewError) return error;
      if (signal.aborted) return new ReviewError(this.posted('context canceled'), 'canceled', false);
      if (late.aborted) {
        const what = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
        return new ReviewError(this.posted(what), 'timeout', false);
      }
      const cause = (error.cause ?? error) as Error & { code?: string };
      return new ReviewError(this.posted(goText(cause)), 'error', cause.code === 'ECONNRESET');
    };
    try {
      const answer = await this.transport.stream({
        method: 'POST',
        path: '',
        headers: { 'content-type': 'application/json', accept: 'application/json, */*' },
        body,
        signal: AbortSignal.any([signal, late]),
        timeout: timeoutMs,
      });
      const bytes = await boundedBytes(answer, "the webhook's response", LARGEST_ANSWER);
      const { statusCode = 0, headers } = answer;
      return objectOf(statusCode, bytes.toString(), headers['content-type'] ?? '', headers['retry-after']);
    } catch (error) {
      if (error instanceof AnswerTooLarge) throw new ReviewError(error.message, 'error', false);
      throw failed(error as Error);
    }
  }

  private posted(what: string): string {
    return `Post ${JSON.stringify(this.url)}: ${what}`;
  }
}

function objectOf(code: number, text: string, type: string, retryAfter: string | undefined) {
  if (code < 200 || code > 206) {
    const { message }: WebhookCallError = answerError(code, text, type === '' || type.startsWith('text/'));
    const mayRetry = RETRIED_CODES.includes(code) || retryAfter !== undefined;
    throw new ReviewError(message, code === 504 ? 'timeout' : 'error', mayRetry);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ReviewError(`couldn't get version/kind; json parse error: ${(error as Error).message}`, 'error', false);
  }
  if (!isJsonObject(value)) throw new ReviewError('the answer of the webhook is no object', 'error', false);
  return value as Readonly<Record<string, unknown>>;
}

/** `status` of an answer, which has to be of the kind of the question where it names one. Throws ReviewError. */
export function reviewStatus(
  answer: Readonly<Record<string, unknown>>,
  { apiVersion, kind }: { apiVersion: string; kind: string },
): Record<string, unknown> {
  const status = answer['status'] ?? {};
  const isOther = (field: string, wanted: string) => (ownValue(answer, field) ?? wanted) !== wanted;
  if (isOther('apiVersion', apiVersion) || isOther('kind', kind) || !isJsonObject(status)) {
    throw new ReviewError(`the webhook answered no ${kind} of ${apiVersion}`, 'error', false);
  }
  return status;
}
