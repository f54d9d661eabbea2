// `npm run up`: prepares this checkout and then runs `berth up` with the same arguments.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot, PrepareError, prepare, prepareTypeScript, root } from './prepare.mjs';

const args = process.argv.slice(2);
const help = args.includes('--help') || args.includes('-h');
const node = isRoot && !args.includes('--no-node') && !args.includes('--no-node=true');
const berthProgram = join(root, 'bin', 'berth.mjs');
try {
  // The text of --help takes only the TypeScript, and whatever build of it is there.
  if (!help) prepare({ node, test: false });
  else if (!existsSync(join(root, 'dist', 'apps', 'cli', 'src', 'main.js'))) {
    console.log('Not built yet: --help takes npm packages and the TypeScript.');
    prepareTypeScript();
  }
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`up: ${error.message}`);
  process.exit(1);
}
const berth = spawnSync(process.execPath, [berthProgram, 'up', ...args], { stdio: 'inherit' });
process.exit(berth.status ?? 1);
