// Cargo in the background, while npm packages and Debian packages are fetched and the TypeScript is emitted: the first build of
// the crates takes minutes of both processors, and the rest mostly waits for the network.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cargoBuild, staleCrates, target } from './native-crates.mjs';

/** Its process id, also for this program when it goes on on the pinned Node. */
const PID = 'BERTH_CARGO_PID';
const log = join(target, 'build.log');
/** Milliseconds between two looks, and between two lines where lines stay. */
const LOOK = 200;
const REPORT = 30_000;

/** Starts cargo if a crate is stale and nothing is lacking that cargo takes. What fails here fails again, and is told, in build-native. */
export function compileAhead() {
  if (process.env[PID] || !has('cargo') || !has('cc') || staleCrates().length === 0) return;
  mkdirSync(target, { recursive: true });
  const output = openSync(log, 'w');
  const { args, env } = cargoBuild();
  const progress = { CARGO_TERM_PROGRESS_WHEN: 'always', CARGO_TERM_PROGRESS_WIDTH: '200' };
  const cargo = spawn('cargo', args, { env: { ...env, ...progress }, stdio: ['ignore', 'ignore', output] });
  closeSync(output);
  cargo.on('error', () => {});
  if (!cargo.pid) return;
  process.env[PID] = String(cargo.pid);
  cargo.on('exit', forgetSignals);
  process.on('exit', () => cargo.kill());
  endOnSignals(() => cargo.kill());
  cargo.unref();
}

/** Signals that end this program at once, without its event `exit`. A terminal sends SIGINT to cargo as well. */
const ENDING = ['SIGTERM', 'SIGHUP'];
let onSignal;

function endOnSignals(end) {
  onSignal = (signal) => {
    end();
    forgetSignals();
    // Where nobody else handles it, it ends this program, as it would have.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  for (const signal of ENDING) process.on(signal, onSignal);
}

function forgetSignals() {
  if (onSignal) for (const signal of ENDING) process.off(signal, onSignal);
  onSignal = undefined;
}

function has(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/** Waits for what was started, and says how far it is. @param {{ isTTY?: boolean, write(text: string): void }} out */
export async function compiledAhead(out = process.stdout) {
  const pid = Number(process.env[PID]);
  if (!pid) return;
  const begun = Date.now();
  let said = begun;
  while (runs(pid)) {
    const units = unitsIn(readFileSync(log, 'utf8'));
    if (units && (out.isTTY || Date.now() - said >= REPORT)) {
      said = Date.now();
      out.write(`${out.isTTY ? '\r' : ''}native crates: ${units}${out.isTTY ? '\x1b[K' : '\n'}`);
    }
    await sleep(LOOK);
  }
  if (out.isTTY && said !== begun) out.write('\r\x1b[K');
  delete process.env[PID];
}

function runs(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** How far cargo is, in what it wrote last. @param {string} text @returns {string | undefined} */
export function unitsIn(text) {
  const last = [...text.matchAll(/(\d+)\/(\d+): /g)].at(-1);
  return last && `${last[1]} of ${last[2]} units`;
}
