// Berth and its tests run on the Node that package-lock.json names, whatever started them: one version is tested, and the
// distribution's own may be out of support. Where npm has no such package for this machine, its own Node goes on.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Signals that others send to this process and mean for the program. A terminal sends SIGINT to both. */
const FORWARDED = ['SIGTERM', 'SIGHUP'];

/** Path of the pinned Node; undefined where it is not installed. @param {URL} [root] of the installation. */
export function pinnedNode(root = new URL('../', import.meta.url)) {
  const program = new URL(`node_modules/node-${process.platform}-${process.arch}/bin/node`, root);
  return existsSync(program) ? fileURLToPath(program) : undefined;
}

/**
 * Goes on at once where this process is the pinned Node. Otherwise runs the same program on it, and ends with its exit code:
 * then this function does not return.
 */
export async function continueOnPinnedNode(node = pinnedNode()) {
  if (!node || realpathSync(node) === realpathSync(process.execPath)) return;
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {});
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
  });
  process.exit(code);
}
