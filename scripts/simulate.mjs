// `npm run simulate -- [flags] [words]`: control loops that are killed at random, with late watches and lost writes, from seeds. The
// tests go through a few of them each time; this goes through many. Words select spec files by their path.
//
//   --seeds N  how many seeds (default 200)
//   --first N  the first one (default 1): a failure names its seed
//   --jobs N   processes beside each other (default: one for each processor)
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PrepareError, prepareTypeScript, root } from './prepare.mjs';

/** Seeds that one process goes through: what it says comes when it ends. */
const BLOCK = 250;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '200' },
    first: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
});

function wholeNumber(name) {
  const text = values[name];
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  console.error(`simulate: --${name}: must be a whole number above zero: got ${text}`);
  process.exit(2);
}

const [seeds, first] = ['seeds', 'first'].map(wholeNumber);
const jobs = Math.min(wholeNumber('jobs'), seeds);
try {
  await prepareTypeScript({ crates: false });
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  console.error(`simulate: ${error.message}`);
  process.exit(1);
}

/** The blocks in the order of their seeds, none smaller than it has to be. */
function* blocks() {
  const size = Math.min(BLOCK, Math.ceil(seeds / jobs));
  for (let at = 0; at < seeds; at += size) yield { first: first + at, count: Math.min(size, seeds - at) };
}

/** Resolves with the exit status. */
function run(block) {
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = [jest, '--selectProjects', 'simulation', '--maxWorkers', '1', '--', ...positionals];
  const env = { ...process.env, SIMULATION_SEEDS: String(block.count), SIMULATION_FIRST: String(block.first) };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve) => {
    child.on('close', (status) => {
      console.log(`seeds ${block.first} to ${block.first + block.count - 1}: ${status === 0 ? 'all hold' : 'FAILED'}`);
      if (status !== 0) console.log(output);
      resolve(status ?? 1);
    });
  });
}

// A job that ends early ends them: the others go through the block that they have.
const left = blocks();
const work = async () => {
  for (const block of left) {
    const status = await run(block);
    if (status !== 0) return status;
  }
  return 0;
};
const statuses = await Promise.all(Array.from({ length: jobs }, work));
process.exit(Math.max(...statuses));
