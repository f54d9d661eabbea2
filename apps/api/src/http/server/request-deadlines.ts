import { badRequest, parseDuration, timeout } from '#apimachinery';
import type { Connection } from './connection.js';
import type { OpenRequest } from './open-request.js';
import { sendError } from './response-writer.js';

/** The reference's --request-timeout: reading the body, and sending the answer, included. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** Who does not even take the 504 in this time is cut off. */
const LAST_ANSWER_MS = 10_000;
const SWEEP_MS = 1_000;

/** Ends requests that take too long. One timer looks at what all connections are at: a timer each would cost every request. */
export class RequestDeadlines {
  private readonly sweeper: NodeJS.Timeout;

  constructor(
    private readonly connections: ReadonlyMap<unknown, Connection>,
    private readonly limitMs: number = REQUEST_TIMEOUT_MS,
  ) {
    this.sweeper = setInterval(() => this.sweep(), Math.min(SWEEP_MS, limitMs));
    this.sweeper.unref();
  }

  /** `asked`: the query's `timeout`, a duration as Go writes it. Throws 400 when it is none. */
  shorten(open: OpenRequest, asked: string): void {
    const ms = parseTimeout(asked);
    if (ms <= 0 || ms >= this.limitMs) return;
    open.timeoutMs = ms;
    const timer = setTimeout(() => expire(open), ms);
    open.whenOver(() => clearTimeout(timer));
  }

  stop(): void {
    clearInterval(this.sweeper);
  }

  private sweep(): void {
    const now = performance.now();
    for (const { serving: open } of this.connections.values()) {
      if (!open || open.endless) continue;
      const late = now - open.started - this.limitMs;
      if (late < 0) continue;
      if (!open.expired) expire(open);
      else if (late > LAST_ANSWER_MS) open.request.socket.destroy();
    }
  }
}

function expire(open: OpenRequest): void {
  const { request, response } = open;
  open.expire();
  // An answer that has begun cannot be taken back; half of one must not look whole.
  if (response.headersSent) request.socket.destroy();
  else sendError(response, timeout('request did not complete within the allotted timeout'));
}

function parseTimeout(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`);
  }
}
