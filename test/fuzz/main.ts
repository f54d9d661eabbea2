// `npm run fuzz [-- FLAGS WORD...]`: random requests against a server of its own; docs/security.md says what must hold. A round is one
// kind and a few objects of it, and comes from its seed alone. Words choose kinds: `npm run fuzz -- apps/v1`.
//
//   --seed N     the first round's seed (default: from the clock)
//   --rounds N   how many rounds (default 500), or
//   --minutes N  for how long
import { parseArgs } from 'node:util';
import { ControlPlane } from '../attack/control-plane.js';
import type { Finding } from './prober.js';
import { findingText } from './report.js';
import { playRound } from './round.js';
import { makeWorld } from './world.js';

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, rounds: { type: 'string' }, minutes: { type: 'string' } },
});

function wholeNumber(name: 'seed' | 'rounds' | 'minutes', otherwise: number): number {
  const text = values[name] ?? String(otherwise);
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  console.error(`fuzz: --${name}: must be a whole number above zero: got ${text}`);
  process.exit(2);
}

const first = wholeNumber('seed', (Date.now() % 1_000_000_000) + 1);
const endless = values.minutes !== undefined && values.rounds === undefined;
const rounds = endless ? Number.POSITIVE_INFINITY : wholeNumber('rounds', 500);
const deadline =
  values.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + wholeNumber('minutes', 1) * 60_000;
/** Of one kind of failure, as many are shown. */
const SHOWN_OF_ONE = 3;
/** Rounds between looks at the server's log. */
const LOOK_EVERY = 100;

let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));

const plane = await ControlPlane.start('127.0.0.1');
const seen = new Map<string, number>();
let [played, requests, accepted, failures, logged] = [0, 0, 0, 0, 0];
const begun = Date.now();

function note(finding: Finding): void {
  failures += 1;
  const key = `${finding.kind}: ${finding.what.slice(0, 60)}`;
  const count = (seen.get(key) ?? 0) + 1;
  seen.set(key, count);
  if (count <= SHOWN_OF_ONE) console.log(findingText(finding));
}

/** Lines that no client's doing may cause, of what was logged since the last look. */
function lookAtLog(seed: number): void {
  const log = plane.log;
  const alarms = log
    .slice(logged)
    .split('\n')
    .filter((line) => ALARMS.test(line));
  logged = log.length;
  failures += alarms.length;
  for (const line of alarms.slice(0, SHOWN_OF_ONE))
    console.log(`FAIL in the server's log, up to seed ${seed}: ${line.slice(0, 1500)}`);
}

const ALARMS = /unhandled|uncaught|heap out of memory|ERR_INTERNAL|TypeError|RangeError/i;

try {
  const world = await makeWorld(plane, words);
  console.log(`fuzz: ${world.targets.length} kinds, from seed ${first}`);
  for (let seed = first; seed < first + rounds && Date.now() < deadline && !stopped; seed++) {
    const prober = await playRound(world, seed);
    played += 1;
    requests += prober.requests;
    accepted += prober.accepted;
    prober.findings.forEach(note);
    if (!plane.isSameProcess)
      throw new Error(`the server ended in the round of seed ${seed}:\n${plane.log.slice(-3000)}`);
    if (played % LOOK_EVERY === 0) lookAtLog(seed);
    if (played % (10 * LOOK_EVERY) === 0)
      console.log(`${played} rounds, ${requests} requests, ${failures} failures, ${plane.residentMiB.toFixed(0)} MiB`);
  }
  lookAtLog(first + played - 1);
} catch (error) {
  failures += 1;
  console.error(error);
} finally {
  await plane.close();
}
for (const [key, count] of seen) console.log(`${String(count).padStart(6)} ${key}`);
const seconds = ((Date.now() - begun) / 1000).toFixed(0);
console.log(`fuzz: ${played} rounds from seed ${first}, ${requests} requests (${accepted} accepted), ${seconds} s`);
console.log(`${failures} failures`);
process.exit(failures === 0 && played > 0 ? 0 : 1);
