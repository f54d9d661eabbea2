import type { IncomingMessage, ServerResponse } from 'node:http';
import { serviceUnavailable } from '#apimachinery';
import { sendError, sendText } from './response-writer.js';

/** `retry elsewhere`: 429, while the server still listens. `unavailable`: 503, on connections that are still open. */
export type Refusal = 'retry elsewhere' | 'unavailable';

export const SHUTTING_DOWN = 'apiserver is shutting down';

/** Probes and metrics are served to the end. */
const SERVED_WHILE_DRAINING = ['/readyz', '/livez', '/healthz', '/metrics'];

export function isServedWhileDraining({ url = '' }: Pick<IncomingMessage, 'url'>): boolean {
  return SERVED_WHILE_DRAINING.some((path) => url.startsWith(path));
}

/** Answers as the reference's filters do (apiserver's server/filters, with_retry_after.go and waitgroup.go), and closes the connection. */
export function refuseWhileDraining(response: ServerResponse, refusal: Refusal): void {
  response.shouldKeepAlive = false;
  if (refusal === 'retry elsewhere') {
    response.setHeader('Retry-After', '5');
    sendText(response, 429, 'The apiserver is shutting down, please try again later.\n');
    return;
  }
  response.setHeader('Retry-After', '1');
  sendError(response, serviceUnavailable(SHUTTING_DOWN));
}
