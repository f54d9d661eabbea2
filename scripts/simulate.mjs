// `npm run simulate -- [flags] [words]`: control loops that are killed at random, with late watches and lost writes, from seeds. The
// tests go through a few of them each time; this goes through many. Words select spec files by their path.
//
//   --seeds N  how many seeds (default 200)
//   --first N  the first one (default 1): a failure names its seed
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PrepareError, prepareTypeScript, root } from './prepare.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '200' }, first: { type: 'string', default: '1' } },
});

function wholeNumber(name) {
  const text = values[name];
  if (/^[1-9]\d{0,8}$/.test(text)) return text;
  console.error(`simulate: --${name}: must be a whole number above zero: got ${text}`);
  process.exit(2);
}

const environment = { ...process.env, SIMULATION_SEEDS: wholeNumber('seeds'), SIMULATION_FIRST: wholeNumber('first') };
try {
  await prepareTypeScript({ crates: false });
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`simulate: ${error.message}`);
  process.exit(1);
}
const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const args = [jest, '--selectProjects', 'simulation', '--', ...positionals];
process.exit(spawnSync(process.execPath, args, { cwd: root, env: environment, stdio: 'inherit' }).status ?? 1);
