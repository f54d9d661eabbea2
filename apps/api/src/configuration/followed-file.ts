import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 1000;
/** A file whose times did not change is read this often all the same. */
const READ_MS = 60_000;

export interface FollowOptions {
  /** Default one second. */
  lookMs?: number;
  /** Ends the following. */
  signal: AbortSignal;
}

/**
 * Calls `check` with the text of a file, or with why it cannot be read: soon after it changed, and once a minute. One call ends before
 * the next begins. It looks at what the path leads to, so that a link that is replaced counts as a change.
 */
export async function followFile(
  path: string,
  check: (text: string | Error) => Promise<void>,
  { lookMs = LOOK_MS, signal }: FollowOptions,
): Promise<void> {
  let seen = await stampOf(path);
  let readAt = Date.now();
  while (!signal.aborted) {
    await sleep(lookMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    const stamp = await stampOf(path);
    if (stamp === seen && Date.now() - readAt < READ_MS) continue;
    seen = stamp;
    readAt = Date.now();
    await check(await readFile(path, 'utf8').catch((error: Error) => error));
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}-${ctimeNs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
