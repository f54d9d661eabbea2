// `npm run fuzz -- [flags] [words]`: random requests against a server that it starts itself; test/fuzz/main.ts lists the flags.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PrepareError, prepare, root } from './prepare.mjs';

try {
  await prepare({ node: false, test: true });
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`fuzz: ${error.message}`);
  process.exit(1);
}
const program = join(root, 'dist', 'test', 'fuzz', 'main.js');
const args = ['--enable-source-maps', program, ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1);
