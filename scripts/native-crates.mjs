// The native crates: which are libraries for Node, and where what is built from them lies.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Where cargo puts what it builds. */
export const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
/** What napi-derive writes of each library's functions while it is compiled, one file a crate. */
export const typeDefinitions = join(target, 'napi-types');

export const crateFolder = (crate) => join(root, 'native', crate);
/** What TypeScript loads: it finds the library of this platform beside it. */
export const loader = (crate) => join(crateFolder(crate), 'index.cjs');

/** The crates that are loaded by Node. */
export function nodeLibraries() {
  return readdirSync(join(root, 'native')).filter((crate) => {
    const manifest = join(crateFolder(crate), 'Cargo.toml');
    return existsSync(manifest) && /^\[lib\]\ncrate-type = \[[^\]]*"cdylib"/m.test(readFileSync(manifest, 'utf8'));
  });
}

/** What the build writes into a crate's folder: no input of the build. */
export const isBuilt = (file) => file.endsWith('.node') || file === 'index.cjs' || file === 'index.d.ts';
