// What the machines of the ring `rigs` run and the Debian of this machine does not have: container runtimes of other releases of
// Debian, and a kernel. Nothing is installed: packages are unpacked below node_modules/.cache/rigs, and stay until that folder is
// removed. apt checks their signatures, and takes them from the mirror that this machine is configured for.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptGet } from './apt-get.mjs';

/** Without links on the way: programs have the paths of their libraries in them. */
const cache = () => join(realpathSync(fileURLToPath(new URL('../node_modules', import.meta.url))), '.cache/rigs');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const RUNTIMES = ['containerd', 'runc', 'crun'];
/** Packages by release: containerd 1.7; and 2 with a runc and a crun that weigh CPU by the new curve. */
const SUITES = {
  trixie: RUNTIMES,
  // Older kernels of User-Mode Linux do not run on processors with AMX, whose registers are larger than they expect.
  testing: [...RUNTIMES, 'user-mode-linux'],
};
const PROGRAMS = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'crun', 'runc', 'linux.uml'];

/** `test/rigs/programs.ts` looks for these folders. */
const parts = () => [
  ...Object.entries(SUITES).map(([suite, packages]) => {
    return { folder: suite, what: `${packages.join(', ')} of Debian ${suite}`, fetch: programs(suite, packages) };
  }),
  { folder: 'kernel', what: "Debian's kernel", fetch: kernel },
];

/**
 * Fetches what is not in the cache. A part that cannot be had is said once, and its rows are skipped.
 *
 * @param {(text: string) => void} say
 */
export function fetchRigPrograms(say) {
  for (const { folder, what, fetch } of parts()) {
    const target = join(cache(), folder);
    if (existsSync(target)) continue;
    const begun = Date.now();
    say(`${what} ...`);
    const work = join(cache(), `.${folder}`);
    try {
      rmSync(work, { recursive: true, force: true });
      mkdirSync(work, { recursive: true });
      fetch(work, target, say);
      // What is there is whole.
      renameSync(join(work, 'result'), target);
      say(`${what}: done in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    } catch (error) {
      say(`${what}: ${error.message}`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

/** Programs with the libraries of their own release, which they find wherever they run. */
const programs = (suite, packages) => (work, target, say) => {
  const apt = foreignApt(work, suite);
  succeed(`lists of Debian ${suite}`, aptGet([...apt, 'update', '-q'], { say }));
  const download = ['install', '--yes', '-q', '--download-only', '--no-install-recommends', ...packages];
  succeed(`packages of Debian ${suite}`, aptGet([...apt, ...download], { say }));
  const unpacked = join(work, 'unpacked');
  unpack(join(work, 'cache/archives'), unpacked);
  const result = join(work, 'result');
  for (const name of ['libraries', 'programs']) mkdirSync(join(result, name), { recursive: true });
  const [libraries] = readdirSync(join(unpacked, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu'));
  for (const folder of ['lib', 'usr/lib']) {
    const source = join(unpacked, folder, libraries);
    // Without folders of their own: modules of NSS and character sets, which these programs do not load.
    if (existsSync(source)) {
      succeed('cp', spawnSync('sh', ['-c', 'cp -a "$0"/*.so* "$1"', source, join(result, 'libraries')]));
    }
  }
  const [loader] = readdirSync(join(result, 'libraries')).filter((name) => name.startsWith('ld-linux'));
  for (const name of PROGRAMS) {
    const path = ['usr/bin', 'usr/sbin'].map((folder) => join(unpacked, folder, name)).find((file) => isFile(file));
    if (!path) continue;
    const program = join(result, 'programs', name);
    copyFileSync(path, program);
    const home = join(target, 'libraries');
    const options = ['--set-interpreter', join(home, loader), '--force-rpath', '--set-rpath', home, program];
    succeed(`patchelf ${name}`, spawnSync('patchelf', options, { encoding: 'utf8' }));
  }
  const modules = join(unpacked, 'usr/lib/uml/modules');
  if (existsSync(modules)) renameSync(modules, join(result, 'modules'));
};

/** The kernel of this machine's Debian, for an emulated computer. */
function kernel(work, _target, say) {
  succeed('package lists', aptGet(['update', '-q'], { say }));
  const { stdout } = spawnSync('apt-cache', ['depends', 'linux-image-amd64'], { encoding: 'utf8' });
  const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (!name) throw new Error('the package linux-image-amd64 is unknown here');
  const archives = join(work, 'archives');
  mkdirSync(archives);
  const shell = ['-c', 'cd "$0" && apt-get download -q -o APT::Sandbox::User=root "$1"', archives, name];
  succeed(name, spawnSync('sh', shell, { encoding: 'utf8' }));
  const result = join(work, 'result');
  unpack(archives, result);
  const [version] = readdirSync(join(result, 'lib/modules'));
  succeed('depmod', spawnSync('depmod', ['--basedir', result, version], { encoding: 'utf8' }));
}

/** Arguments with which apt knows one other release and no installed package: it fetches all that the packages need. */
function foreignApt(work, suite) {
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  writeFileSync(join(work, 'status'), '');
  writeFileSync(
    join(work, 'debian.sources'),
    `Types: deb\nURIs: ${mirror()}\nSuites: ${suite}\nComponents: main\nSigned-By: ${KEYRING}\n`,
  );
  const options = {
    'Dir::State': join(work, 'state'),
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache': join(work, 'cache'),
    'Dir::Etc::sourcelist': join(work, 'debian.sources'),
    'Dir::Etc::sourceparts': '/dev/null',
    'APT::Sandbox::User': 'root',
    // This machine's settings may remove packages that were fetched.
    'APT::Update::Post-Invoke': '',
    'Acquire::Languages': 'none',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** Of Debian's own releases; security updates have another one. */
function mirror() {
  const format = '$(ORIGIN)|$(LABEL)|$(REPO_URI)';
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', format], { encoding: 'utf8' });
  const found = /^Debian\|Debian\|(.+)$/m.exec(stdout ?? '')?.[1];
  if (!found) throw new Error('apt has no mirror of Debian');
  return found;
}

function unpack(archives, target) {
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb'))) {
    succeed(`dpkg-deb ${name}`, spawnSync('dpkg-deb', ['-x', join(archives, name), target], { encoding: 'utf8' }));
  }
}

const isFile = (path) => lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

function succeed(what, { status, error, stderr }) {
  if (error || status !== 0) throw new Error(`${what}: ${error?.message ?? String(stderr).trim().slice(-2000)}`);
}
