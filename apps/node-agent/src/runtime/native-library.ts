import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Loads `native/<crate>/<crate>.node` from the tree that this file is in. */
export function loadNative<T>(crate: string): T {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, 'package.json')) && dirname(root) !== root) root = dirname(root);
  const path = join(root, 'native', crate, `${crate}.node`);
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`npm run build:native\``);
  return createRequire(import.meta.url)(path) as T;
}
