// Builds the native crates in release mode and puts beside each library for Node what @napi-rs/cli makes of it: the library
// of this platform, and the loader that finds it. With names of crates, for those alone.
//
// There is one cargo call for the whole workspace, also for one crate: cargo compiles what changed and what depends on it. A call with
// `-p` would unify the features of fewer crates, and compile most dependencies once more.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseTriple, writeJsBinding } from '@napi-rs/cli';
import {
  cargoBuild,
  crateFolder,
  crateId,
  crates,
  markBuilt,
  nodeLibraries,
  programPlace,
  programsOf,
  target,
} from './native-crates.mjs';
import { declarationsOf } from './native-types.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const named = process.argv.slice(2);
const unknown = named.find((name) => !crates().includes(name));
if (unknown) {
  console.error(`build-native: there is no crate native/${unknown}`);
  process.exit(2);
}
const wanted = named.length > 0 ? named : crates();
const libraries = nodeLibraries().filter((crate) => wanted.includes(crate));
// As it is now: who edits a crate during its build builds it again.
const ids = new Map(wanted.map((crate) => [crate, crateId(crate)]));
const finish = () => {
  for (const program of wanted.flatMap(programsOf)) replace(join(target, 'release', program), programPlace(program));
  for (const [crate, id] of ids) markBuilt(crate, id);
};
/** Renames, so that a process that has the old file mapped keeps it. */
function replace(from, place) {
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(from, `${place}.new`);
  renameSync(`${place}.new`, place);
}

// The sandbox image's program is a workspace of its own (see native/pause/Cargo.toml).
if (wanted.includes('pause')) {
  const pause = spawnSync('cargo', ['build', '--release', '--locked'], {
    cwd: join(root, 'native/pause'),
    stdio: 'inherit',
    env: { ...process.env, CARGO_TARGET_DIR: target },
  });
  if (pause.error) console.error(`build-native: cargo could not be started: ${pause.error.message}`);
  if (pause.status !== 0) process.exit(pause.status ?? 1);
}
if (wanted.every((crate) => crate === 'pause')) {
  finish();
  process.exit(0);
}

const { args, env } = cargoBuild();
const build = spawnSync('cargo', args, { cwd: root, stdio: 'inherit', env });
if (build.error) {
  console.error(
    `build-native: cargo could not be started: ${build.error.message}. Install Rust 1.89 or newer (https://rustup.rs).`,
  );
  process.exit(1);
}
if (build.status !== 0) process.exit(build.status ?? 1);

const host = /^host: (\S+)/m.exec(spawnSync('rustc', ['-vV'], { encoding: 'utf8' }).stdout)[1];
const { platformArchABI } = parseTriple(host);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
for (const crate of libraries) {
  const library = join(target, 'release', `lib${crate.replaceAll('-', '_')}.so`);
  replace(library, join(crateFolder(crate), `${crate}.${platformArchABI}.node`));
  await writeJsBinding({
    platform: true,
    format: 'commonjs',
    jsBinding: 'index.cjs',
    idents: (await declarationsOf(crate)).exports,
    binaryName: crate,
    packageName: `@berth/${crate}`,
    version,
    outputDir: crateFolder(crate),
  });
}
finish();
