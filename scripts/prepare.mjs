// Everything that has to be there before Berth or its tests can run: Debian packages, npm packages, the native crates and
// the emitted TypeScript. Each step is skipped when its inputs have not changed since it last succeeded.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { continueOnPinnedNode } from '../bin/pinned-node.mjs';
import { aptGet } from './apt-get.mjs';
import { compileAhead, compiledAhead } from './compile-ahead.mjs';
import { crates, staleCrates } from './native-crates.mjs';
import { NpmPackages } from './npm-packages.mjs';
import { fetchRigPrograms } from './rig-programs.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const isRoot = process.getuid?.() === 0;

/** Debian package, a file or command that shows it is there, and what Berth needs it for. */
const NODE_PACKAGES = [
  { name: 'containerd', command: 'containerd', why: 'runs the containers' },
  { name: 'runc', command: 'runc', why: 'starts containers where crun cannot' },
  { name: 'crun', command: 'crun', why: 'starts containers, faster than runc' },
  {
    name: 'containernetworking-plugins',
    file: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'],
    why: 'gives pods their network',
  },
  { name: 'iptables', command: 'iptables', why: 'serves Services' },
  { name: 'conntrack', command: 'conntrack', why: 'forgets connections to pods that are gone' },
  { name: 'iproute2', command: 'ip', why: 'reads and sets addresses and routes' },
];
const BUILD_PACKAGES = [{ name: 'build-essential', command: 'cc', why: 'links the native crates' }];
const TEST_PACKAGES = [
  { name: 'busybox-static', file: ['/bin/busybox', '/usr/bin/busybox'], why: 'is inside the images that tests make' },
  { name: 'curl', command: 'curl', why: 'is the client that tests call Services with' },
  { name: 'nftables', command: 'nft', why: 'shows and flushes rules in tests' },
];
const DATABASE_PACKAGES = [
  {
    name: 'postgresql',
    file: ['/usr/lib/postgresql/15/bin/postgres', '/usr/lib/postgresql/17/bin/postgres', '/usr/share/doc/postgresql'],
    why: 'is a database of the user, which tests store in',
  },
];
const RIG_PACKAGES = [
  { name: 'systemd', file: ['/lib/systemd/systemd'], why: 'is process 1 of the machines' },
  { name: 'dbus', command: 'dbus-daemon', why: 'carries messages to systemd' },
  { name: 'util-linux', command: 'unshare', why: 'makes machines of namespaces' },
  { name: 'qemu-system-x86', command: 'qemu-system-x86_64', why: 'is a machine with two processors and cgroup v2' },
  { name: 'kmod', command: 'depmod', why: 'finds the modules that the kernel of that machine needs' },
  { name: 'cpio', command: 'cpio', why: 'packs the first files of that machine' },
  { name: 'patchelf', command: 'patchelf', why: 'lets programs of other releases find their libraries' },
];
/** Debian makes and starts a database with the package, unless this says otherwise. Tests need the programs alone. */
const CREATE_CLUSTER = '/etc/postgresql-common/createcluster.conf';

export class PrepareError extends Error {}

function missing(packages) {
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':');
  return packages.filter(({ command, file }) =>
    command ? !path.some((dir) => existsSync(join(dir, command))) : !file.some((name) => existsSync(name)),
  );
}

function say(text) {
  console.log(text);
}

function plainly(command, args) {
  return spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
}

/** Like `plainly`, while this program goes on. */
function meanwhile(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const result = { status: null, stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => {
      result[name] += text;
    });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ ...result, error }));
    child.on('close', (status) => resolve({ ...result, status }));
  });
}

/** @param start runs the command; spawnSync's result tells how it went. */
async function run(what, command, args, start = plainly) {
  const begun = Date.now();
  say(`${what} ...`);
  const result = await start(command, args);
  if (result.error) throw new PrepareError(`${what}: ${command} could not be started: ${result.error.message}`);
  if (result.status !== 0) {
    throw new PrepareError(
      `${what}: ${command} ${args.join(' ')} failed (exit ${result.status})\n${(result.stdout ?? '').slice(-4000)}${(result.stderr ?? '').slice(-8000)}`,
    );
  }
  say(`${what}: done in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
}

/** One call takes one. */
let listsAreFresh = false;

/** Installs what is missing where it may; else says in one line what is missing and how to get it. Returns the missing names. */
async function installPackages(packages) {
  const wanted = missing(packages);
  if (wanted.length === 0) return [];
  const names = wanted.map(({ name }) => name);
  const line = `apt-get install ${names.join(' ')}`;
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    say(
      `missing: ${wanted.map(({ name, why }) => `${name} (${why})`).join(', ')}; get it with: ${isRoot ? line : `sudo ${line}`}`,
    );
    return names;
  }
  for (const { name, why } of wanted) say(`will install ${name}: it ${why}`);
  const apt = (_, args) => aptGet(args, { say });
  if (!listsAreFresh) await run('package lists', 'apt-get', ['update', '-q'], apt);
  listsAreFresh = true;
  if (names.includes('postgresql') && !existsSync(CREATE_CLUSTER)) {
    mkdirSync(dirname(CREATE_CLUSTER), { recursive: true });
    writeFileSync(CREATE_CLUSTER, 'create_main_cluster = false\n');
  }
  const install = ['install', '-y', '-q', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', ...names];
  await run(`Debian packages ${names.join(' ')}`, 'apt-get', install, apt);
  return missing(packages).map(({ name }) => name);
}

async function installNpmPackages(packages) {
  // Not `npm ci`: it refuses a lock file that lacks packages of other platforms, which some registry mirrors do not have.
  // Versions and hashes are those of the lock file all the same, and it is left as it is.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm packages', 'npm', args, meanwhile);
  for (const name of packages.remember()) say(`npm could not get ${name}; the next call tries again`);
}

async function nativeCrates() {
  const stale = staleCrates();
  if (stale.length === 0) return;
  const what = stale.length === crates().length ? ' (some minutes the first time)' : ` ${stale.join(', ')}`;
  await run(
    `native crates${what}`,
    process.execPath,
    [join(root, 'scripts', 'build-native.mjs'), ...stale],
    async (...build) => {
      await compiledAhead();
      return plainly(...build);
    },
  );
}

function typeScript() {
  const { error, status, stdout, stderr } = plainly(process.execPath, [join(root, 'scripts', 'build-ts.mjs')]);
  if (error || status !== 0) throw new PrepareError(`TypeScript: ${error?.message ?? stderr.slice(-8000)}`);
  if (stdout !== '') say(`TypeScript: ${stdout.trim()}`);
}

/**
 * Installs the npm packages, Node among them, goes on with this program on that Node, and emits the TypeScript: what the
 * command line needs to say something, but not to start anything.
 * @param {{ crates: boolean }} what `crates`: `preparePrograms` follows, so cargo may begin.
 */
export async function prepareTypeScript({ crates: ahead }) {
  const packages = new NpmPackages(root);
  if (!packages.areInstalled()) {
    if (ahead) compileAhead();
    await installNpmPackages(packages);
  }
  await continueOnPinnedNode();
  if (ahead) compileAhead();
  typeScript();
}

/**
 * @param {{ node: boolean, test: boolean, database?: boolean, rigs?: boolean }} what `node`: also what running containers
 * takes; `test`: also what tests take; `database`: Debian's own PostgreSQL; `rigs`: what machines for tests take.
 * @returns {Promise<string[]>} names of packages that are missing and could not be installed.
 */
export async function preparePrograms({ node, test, database = false, rigs = false }) {
  const lacking = await installPackages(BUILD_PACKAGES);
  compileAhead();
  lacking.push(...(await installPackages([...(node ? NODE_PACKAGES : []), ...(test ? TEST_PACKAGES : [])])));
  // The specs that need these say themselves what is missing.
  const optional = [...(database ? DATABASE_PACKAGES : []), ...(rigs ? RIG_PACKAGES : [])];
  if (optional.length > 0) await installPackages(optional);
  if (rigs && isRoot) fetchRigPrograms(say);
  await nativeCrates();
  return lacking;
}

/** Both, for who knows at the start what it takes: see `preparePrograms`. */
export async function prepare(what) {
  await prepareTypeScript({ crates: true });
  return preparePrograms(what);
}
