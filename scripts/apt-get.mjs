// apt-get, for a machine where another one may be at work: unattended upgrades run when a machine has just been started.
import { spawnSync } from 'node:child_process';

const HELD = /^E: (?:Could not get lock|Unable to (?:lock|acquire)) .*$/m;
/** Milliseconds that the other one is given, and between two looks. */
const PATIENCE = 15 * 60_000;
const PAUSE = 2_000;

/**
 * Runs `apt-get` with these arguments; while another program holds one of the package system's locks, says so once and tries
 * again. apt waits by itself for one of its locks only, and without a word. Returns what the last attempt did.
 *
 * @param {string[]} args
 * @param {{ say(text: string): void, patience?: number, pause?: number }} options in milliseconds
 */
export function aptGet(args, { say, patience = PATIENCE, pause = PAUSE }) {
  const deadline = Date.now() + patience;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  for (let said = false; ; ) {
    const result = spawnSync('apt-get', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env,
    });
    const held = result.status === 0 ? undefined : HELD.exec(result.stderr ?? '')?.[0];
    if (!held || Date.now() >= deadline) return result;
    if (!said) say(`another program installs packages; waiting until it is done (${held.replace(/^E: /, '')})`);
    said = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  }
}
