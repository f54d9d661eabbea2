// `npm run up`: prepares this checkout and then runs `berth up` with the same arguments.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { isRoot, PrepareError, prepare, root } from './prepare.mjs';

const args = process.argv.slice(2);
const help = args.includes('--help') || args.includes('-h');
const node = isRoot && !args.includes('--no-node');
try {
  prepare({ node: node && !help, test: false });
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`up: ${error.message}`);
  process.exit(1);
}
const berth = spawnSync(process.execPath, [join(root, 'bin', 'berth.mjs'), 'up', ...args], { stdio: 'inherit' });
process.exit(berth.status ?? 1);
