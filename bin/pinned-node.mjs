// Berth and its tests run on the Node that package-lock.json names, whatever started them: one version is tested, and the
// distribution's own may be out of support. Where npm has no such package for this machine, or the machine's C library cannot run
// it, its own Node goes on if it is new enough.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Signals that others send to this process and mean for the program. A terminal sends SIGINT to both. */
const FORWARDED = ['SIGTERM', 'SIGHUP'];

/** Path of the pinned Node; undefined where it is not installed. @param {URL} [root] of the installation. */
export function pinnedNode(root = new URL('../', import.meta.url)) {
  const program = new URL(`node_modules/node-${process.platform}-${process.arch}/bin/node`, root);
  return existsSync(program) ? fileURLToPath(program) : undefined;
}

/** Why a Node does not run here: it is made for glibc, and may ask for a newer one. Undefined when it runs. */
function unusable(node) {
  const { status, error, stderr } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (status === 0) return undefined;
  if (error?.code === 'ENOENT') return 'this machine has no glibc';
  return error?.message ?? (stderr.trim().split('\n').at(-1) || `it ended with ${status}`);
}

/** The oldest Node that Berth runs on: package.json has it as `>=20.19`. */
function oldestNode() {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return engines.node.replace('>=', '');
}

/** @param {string} version @param {string} oldest @returns {boolean} */
export function isNewEnough(version, oldest) {
  const [[major, minor = 0], [oldestMajor, oldestMinor = 0]] = [version, oldest].map((text) =>
    text.split('.').map(Number),
  );
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** The process goes on on its own Node, or ends because that is too old. */
function stayOnOwnNode(why) {
  const oldest = oldestNode();
  if (isNewEnough(process.versions.node, oldest)) return;
  console.error(`berth: Node ${process.versions.node} is too old, and ${why}; install Node ${oldest} or newer`);
  process.exit(1);
}

/**
 * Goes on at once where this process is the pinned Node, or that cannot run. Otherwise runs the same program on it, and ends with
 * its exit code: then this function does not return.
 */
export async function continueOnPinnedNode(node = pinnedNode()) {
  if (!node) return stayOnOwnNode(`npm has no Node for ${process.platform}-${process.arch}`);
  if (realpathSync(node) === realpathSync(process.execPath)) return;
  const problem = unusable(node);
  if (problem) return stayOnOwnNode(`${node} does not run here (${problem})`);
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {});
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
  });
  process.exit(code);
}
