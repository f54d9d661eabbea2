import { containerHash } from '../pod/labels.js';
import type { Container } from '../pod/pod.js';
import type { BackoffEntry } from '../pod/pod-memory.js';

/** Delays as kubelet's: the first restart is free, then 10 s doubling to 300 s, forgotten after twice the longest. */
export const CRASH_LOOP = { initial: 10_000, max: 300_000 };
export const IMAGE_PULL = { initial: 10_000, max: 300_000 };
/** As upstream's volume operations. Milliseconds. */
export const VOLUME = { initial: 500, max: 122_000 };
/** Upstream tries a failed sandbox again with the pod's next sync. Milliseconds. */
export const SANDBOX = { initial: 1000, max: 30_000 };

/** What waits for the same time at each try. Milliseconds. */
export const IMAGE_INSPECT_RETRY = 1000;
/** A start that failed for its configuration; a crash has a back-off of its own. */
export const START_RETRY = 10_000;
export const RESIZE_RETRY = 10_000;

export interface BackoffLimits {
  initial: number;
  max: number;
}

/** Doubles from try to try; milliseconds. */
export function nextDelay(before: number | undefined, { initial, max }: BackoffLimits): number {
  return before ? Math.min(before * 2, max) : initial;
}

/** What counts for a container whose last run had that hash: with another image it starts over, as with kubelet. */
export function backoffOf(
  entry: BackoffEntry | undefined,
  container: Container,
  lastHash: string,
): BackoffEntry | undefined {
  return lastHash === '' || lastHash === containerHash(container) ? entry : undefined;
}

/** Until when to wait after something that ended at `eventAt`; a time in the past means now. */
export function waitUntil(entry: BackoffEntry | undefined, eventAt: number, limits: BackoffLimits): number {
  if (!entry || isForgotten(entry, eventAt, limits)) return 0;
  return eventAt + entry.delay;
}

/** The entry after acting on an event that ended at `eventAt`. */
export function raise(
  entry: BackoffEntry | undefined,
  eventAt: number,
  now: number,
  limits: BackoffLimits,
): BackoffEntry {
  if (!entry || isForgotten(entry, eventAt, limits)) return { delay: limits.initial, raisedAt: now };
  return { delay: Math.min(entry.delay * 2, limits.max), raisedAt: now };
}

function isForgotten(entry: BackoffEntry, eventAt: number, limits: BackoffLimits): boolean {
  return eventAt - entry.raisedAt > 2 * limits.max;
}
