import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt } from './attack.js';
import type { Stage } from './stage.js';

/**
 * How long somebody else may wait while one request is attacking, milliseconds. The aim is a tenth of a second; a busy
 * machine needs room, and the attacks took four to ninety seconds.
 */
const LONGEST_WAIT_MS = 2000;

/** A busy machine may hold up a test by itself: only what is seen twice counts. */
const TRIES = 2;

/** Does `work` while an administrator keeps asking for one small object, and checks that this was answered all along. */
export async function besideOthers(
  attempt: Attempt,
  stage: Stage,
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const waits: number[] = [];
  while (waits.length < TRIES && !waits.some((wait) => wait <= LONGEST_WAIT_MS)) {
    waits.push(await longestWait(stage, work));
  }
  const held = Math.min(...waits);
  const expected = `an answer in ${LONGEST_WAIT_MS} ms`;
  attempt.check('administrator', `GET during ${what}`, expected, held <= LONGEST_WAIT_MS, `${held} ms`);
}

/** The longest wait of the administrator meanwhile, milliseconds. */
async function longestWait({ plane, who }: Stage, work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let working = true;
  const asking = (async () => {
    while (working) {
      const begun = Date.now();
      await plane.requester.send(who.administrator, { path: '/api/v1/namespaces/default', timeoutMs: 60_000 });
      longest = Math.max(longest, Date.now() - begun);
      await sleep(20);
    }
  })();
  try {
    await work();
  } finally {
    working = false;
    await asking;
  }
  return longest;
}
