import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Steps } from '#apimachinery';
import type { RequestBody } from './request-body.js';

/**
 * Each stage of a write is linear and takes some tens of milliseconds for the largest body; all of them together would
 * hold the event loop for too long. Bodies beyond this size let it turn between the stages; others do not pay for that.
 */
const LARGE_BYTES = 64 * 1024;

export function isLarge({ body }: RequestBody): boolean {
  return Buffer.isBuffer(body) && body.length > LARGE_BYTES;
}

export function isLargeObject({ bytes }: { bytes: Buffer }): boolean {
  return bytes.length > LARGE_BYTES;
}

/** Lets everybody else have a turn. */
export function breath(): Promise<void> {
  return turnOfTheLoop();
}

/** Runs to the end, with a breath at each pause. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await breath();
  }
}
