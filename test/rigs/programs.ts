import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';

/** What `scripts/rig-programs.mjs` fetches. A folder that is there is whole. */
const CACHE = join(installation, 'node_modules/.cache/rigs');

const fetched = (path: string) => (existsSync(join(CACHE, path)) ? undefined : `needs ${path}, which was not fetched`);

/** Releases of Debian whose runtimes machines can take instead of the host's. */
export type Suite = 'trixie' | 'testing';

/** Folder of programs that come first in the PATH of a machine. */
export const runtimePrograms = (suite: Suite) => join(CACHE, suite, 'programs');
export const runtimesMissing = (suite: Suite) => fetched(`${suite}/programs`);

/** The root of an unpacked kernel package. */
export const DEBIAN_KERNEL = join(CACHE, 'kernel');
export const kernelMissing = () => fetched('kernel');

/** A kernel that is a program, and the folder of its modules. */
export const userModeKernel = () => {
  const modules = join(CACHE, 'testing/modules');
  return { program: join(CACHE, 'testing/programs/linux.uml'), modules: join(modules, readdirSync(modules)[0]!) };
};
export const userModeKernelMissing = () => fetched('testing/programs/linux.uml');
