import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout (or installation) that this program runs from, whether from the sources or from what was emitted. */
export const installation = findInstallation();

function findInstallation(): string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json')) && dirname(root) !== root) root = dirname(root);
  return root;
}

/** The Rust crates have not been built; the message says with which command. */
export class NotBuiltError extends Error {
  override readonly name = 'NotBuiltError';
}

/** What scripts/build-native.mjs made: the programs, and in `stamps` what each crate was built from. */
export const builtCrates = join(installation, 'native', '.built');

/** Path of a Rust program of ours. Throws NotBuiltError. */
export function nativeProgram(name: string): string {
  return built(join(builtCrates, name));
}

/** Loads a native crate through its loader; its types are those of `#native/<crate>`. Throws NotBuiltError. */
export function loadNative<T>(crate: string): T {
  return createRequire(import.meta.url)(built(join(installation, 'native', crate, 'index.cjs'))) as T;
}

function built(path: string): string {
  if (!existsSync(path)) throw new NotBuiltError(`${path} is missing: run \`npm run build:native\``);
  return path;
}
