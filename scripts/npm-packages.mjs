// The npm packages of the lock file: whether they are there, and their installation.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What the lock file has for this machine and `isThere` denies, of what the project itself names as optional. npm calls it a
 * success when the download of an optional package fails.
 * @param {any} lock package-lock.json. @param {(path: string) => boolean} isThere
 * @param {{ platform: string, arch: string }} machine @returns {string[]}
 */
export function lackingOptional(lock, isThere, { platform, arch }) {
  const fits = (list, value) => !list || list.includes(value);
  return Object.keys(lock.packages[''].optionalDependencies ?? {}).filter((name) => {
    const { os, cpu } = lock.packages[`node_modules/${name}`] ?? {};
    return fits(os, platform) && fits(cpu, arch) && !isThere(join('node_modules', name, 'package.json'));
  });
}

/** The packages of one checkout. */
export class NpmPackages {
  /** @param {string} root of the checkout. */
  constructor(root, machine = process) {
    this.root = root;
    this.machine = machine;
    this.stamp = join(root, 'node_modules', '.berth-lock');
    this.lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    this.id = createHash('sha256').update(this.lock).digest('hex').slice(0, 16);
  }

  areInstalled() {
    return existsSync(this.stamp) && readFileSync(this.stamp, 'utf8') === this.id;
  }

  /** Remembers that they are there, unless some are not. Returns the names of those. */
  remember() {
    const lacking = lackingOptional(JSON.parse(this.lock), (path) => existsSync(join(this.root, path)), this.machine);
    if (lacking.length === 0) writeFileSync(this.stamp, this.id);
    return lacking;
  }
}
