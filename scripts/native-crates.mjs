// The native crates: which are libraries for Node, and where what is built from them lies.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Where cargo puts what it builds. */
export const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
/** What napi-derive writes of each library's functions while it is compiled, one file a crate. */
export const typeDefinitions = join(target, 'napi-types');
/** Variables that made napi-derive write them, with their values of then. */
const forcedBuilds = join(typeDefinitions, '.forced.json');

/** What is run and compared later, which must not depend on where cargo was told to build: the programs, and ids of the crates. */
export const built = join(root, 'native', '.built');

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

const manifestOf = (crate) => readFileSync(join(crateFolder(crate), 'Cargo.toml'), 'utf8');

/** All crates, by their folders. */
export function crates() {
  return readdirSync(join(root, 'native')).filter((crate) => existsSync(join(crateFolder(crate), 'Cargo.toml')));
}

/** Crates of ours that a crate is built from: itself, what its manifest names, and what theirs name. */
export function builtFrom(crate, manifest = manifestOf) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, dependency] of manifest(name).matchAll(/^([\w-]+)(?:\.workspace = true|.*\bworkspace = true)/gm))
      if (existsSync(join(crateFolder(dependency), 'Cargo.toml'))) visit(dependency);
  };
  visit(crate);
  return [...found].sort();
}

/** Where the id of what a crate was last built from is kept. `berth up` restarts the processes that load what changed. */
export const crateStamp = (crate) => join(built, 'stamps', crate);

/** The programs of a crate. */
export function programsOf(crate) {
  return [...manifestOf(crate).matchAll(/^\[\[bin\]\]\nname = "([^"]+)"/gm)].map(([, name]) => name);
}

/** Where a program is run from. */
export const programPlace = (program) => join(built, program);

/** Changes with everything that a crate is built from. */
export function crateId(crate) {
  const hash = createHash('sha256');
  const add = (path, name) => hash.update(name).update('\0').update(readFileSync(path)).update('\0');
  for (const name of ['Cargo.toml', 'Cargo.lock']) add(join(root, name), name);
  for (const part of builtFrom(crate)) {
    const files = readdirSync(crateFolder(part), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && !isBuilt(file.name))
      .map((file) => join(file.parentPath, file.name));
    for (const path of files.sort()) add(path, path.slice(root.length));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Crates that changed since they were built, or whose library or program is missing. */
export function staleCrates() {
  const libraries = new Set(nodeLibraries());
  return crates().filter((crate) => {
    const stamp = crateStamp(crate);
    const isCurrent = existsSync(stamp) && readFileSync(stamp, 'utf8') === crateId(crate);
    const isThere = [...(libraries.has(crate) ? [loader(crate)] : []), ...programsOf(crate).map(programPlace)].every(
      existsSync,
    );
    return !isCurrent || !isThere;
  });
}

export function markBuilt(crate, id) {
  mkdirSync(dirname(crateStamp(crate)), { recursive: true });
  writeFileSync(crateStamp(crate), id);
}

/**
 * The call of cargo that builds the workspace. napi-derive writes a crate's definitions only while it compiles it: where they are
 * missing, napi-build is told to. It is told the same in later builds, which would compile the crate once more otherwise.
 */
export function cargoBuild() {
  mkdirSync(typeDefinitions, { recursive: true });
  const undefinedYet = nodeLibraries().filter((crate) => !existsSync(join(typeDefinitions, crate)));
  const forced = existsSync(forcedBuilds) ? JSON.parse(readFileSync(forcedBuilds, 'utf8')) : {};
  for (const crate of undefinedYet)
    forced[`NAPI_FORCE_BUILD_${crate.replaceAll('-', '_').toUpperCase()}`] = String(Date.now());
  if (undefinedYet.length > 0) writeFileSync(forcedBuilds, JSON.stringify(forced));
  return {
    args: ['build', '--release', '--locked', '--workspace', '--manifest-path', join(root, 'Cargo.toml')],
    env: { ...process.env, ...forced, NAPI_TYPE_DEF_TMP_FOLDER: typeDefinitions },
  };
}
