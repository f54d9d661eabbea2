// Builds the native crates in release mode and puts each N-API library beside its crate as <crate>.node.
// One cargo call for the whole workspace, so that shared dependencies are compiled once.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const only = process.argv.slice(2);
const packages = only.filter((name) => name !== 'pause').flatMap((name) => ['-p', name]);
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

// The sandbox image's program is a workspace of its own (see native/pause/Cargo.toml).
if (only.length === 0 || only.includes('pause')) {
  const pause = spawnSync('cargo', ['build', '--release', '--locked'], {
    cwd: join(root, 'native/pause'),
    stdio: 'inherit',
    env: { ...process.env, CARGO_TARGET_DIR: target },
  });
  if (pause.error === undefined && pause.status !== 0) process.exit(pause.status ?? 1);
}
if (only.length > 0 && packages.length === 0) process.exit(0);

const build = spawnSync(
  'cargo',
  ['build', '--release', '--locked', ...(packages.length ? packages : ['--workspace'])],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
if (build.error) {
  console.error(
    `build-native: cargo could not be started: ${build.error.message}. Install Rust 1.89 or newer (https://rustup.rs).`,
  );
  process.exit(1);
}
if (build.status !== 0) process.exit(build.status ?? 1);

for (const crate of readdirSync(join(root, 'native'))) {
  const manifest = join(root, 'native', crate, 'Cargo.toml');
  if (!existsSync(manifest) || !readFileSync(manifest, 'utf8').includes('cdylib')) continue;
  const library = join(target, 'release', `lib${crate.replaceAll('-', '_')}.so`);
  if (!existsSync(library)) continue;
  // Rename, so that a process that has the old library mapped keeps it.
  const place = join(root, 'native', crate, `${crate}.node`);
  copyFileSync(library, `${place}.new`);
  renameSync(`${place}.new`, place);
}
