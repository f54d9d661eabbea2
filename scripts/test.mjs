// `npm test`: everything that has to hold, in one go, and exactly what CI runs. Ends with one line `N passed, N failed`.
//
//   npm test                  all rings but rigs
//   npm test -- unit api      only these rings, or only spec files whose path has one of the other words
//
// Rings: check (types, lint, imports, lookups, generated code, supply chain), rust, unit (*.spec), integration (*.int-spec: real
// PostgreSQL), e2e (*.e2e-spec: a real cluster; takes root), attack (test/attack: requests that must not succeed; words select its rows).
// Only when it is named: rigs (*.rig-spec: machines with another process 1, kernel or cgroup hierarchy; takes root and minutes).
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, relative } from 'node:path';
import { isRoot, PrepareError, prepare, root } from './prepare.mjs';

const RINGS = ['check', 'rust', 'unit', 'integration', 'e2e', 'attack'];
/** Not part of a call without words. */
const ON_DEMAND = ['rigs'];
/** Words select spec files; these rings have none, and run with words only when they are named. */
const WITHOUT_SPECS = ['check', 'rust', 'attack'];
const words = process.argv.slice(2);
const rings = [...RINGS, ...ON_DEMAND].filter((ring) => words.includes(ring));
const filters = words.filter((word) => !rings.includes(word));
const wants = (ring) =>
  rings.length > 0 || ON_DEMAND.includes(ring)
    ? rings.includes(ring)
    : filters.length === 0 || !WITHOUT_SPECS.includes(ring);

const totals = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

/** Runs a command; its output goes through, and is returned. */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    const take = (chunk) => {
      output += chunk;
      if (!options.quiet) process.stdout.write(chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) => resolve({ code: 1, output: `${output}\n${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

function count(name, passed, failed, skipped = 0) {
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped;
  if (failed > 0) failures.push(name);
}

/** A check is one test: its output is shown when it fails, or always. */
async function check(name, command, args, { show = false } = {}) {
  const begun = Date.now();
  const { code, output } = await run(command, args, { quiet: true });
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  if (code !== 0 || show) console.log(output.trim().replace(/^/gm, '     '));
  count(name, code === 0 ? 1 : 0, code === 0 ? 0 : 1);
}

async function cargoTest(name, args) {
  const { code, output } = await run('cargo', ['test', ...args, '--locked', '--quiet']);
  let passed = 0;
  let failed = 0;
  for (const [, ok, bad] of output.matchAll(/test result: \S+ (\d+) passed; (\d+) failed/g)) {
    passed += Number(ok);
    failed += Number(bad);
  }
  count(name, passed, code === 0 ? failed : Math.max(failed, 1));
}

async function rust() {
  await cargoTest('rust', ['--workspace', '--no-default-features']);
  // Panics in a library that Node has loaded, which takes a library that panics.
  await cargoTest('rust in node', ['-p', 'guard', '--features', 'test-panics']);
  await check('clippy', 'cargo', [
    'clippy',
    '--workspace',
    '--all-targets',
    '--locked',
    '--quiet',
    '--',
    '-D',
    'warnings',
  ]);
  await check('rustfmt', 'cargo', ['fmt', '--all', '--check']);
}

/** Its rows are no spec files: it counts them itself, and its output is the table. */
async function attack() {
  console.log('\nattack');
  const program = join('dist', 'test', 'attack', 'main.js');
  const { code, output } = await run(process.execPath, ['--enable-source-maps', program, ...filters]);
  const [, passed, failed] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [0, 0, 1];
  const skipped = [...output.matchAll(/^skip /gm)].length;
  count('attack', Number(passed), code === 0 ? 0 : Math.max(Number(failed), 1), skipped);
}

function specs(suffix) {
  const found = [];
  const visit = (dir) => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith(suffix)) found.push(path);
    }
  };
  for (const dir of ['apps', 'libs', 'test']) visit(dir);
  return found.filter((path) => filters.length === 0 || filters.some((word) => path.includes(word))).sort();
}

async function nodeTests(ring, suffix, concurrency) {
  const files = specs(suffix);
  if (files.length === 0) {
    if (filters.length === 0)
      throw new Error(`${ring}: no file ends in ${suffix}: the test runner is looking in the wrong place`);
    return;
  }
  const emitted = files.map((path) => join('dist', path.replace(/\.ts$/, '.js')));
  const absent = emitted.find((path) => !existsSync(join(root, path)));
  if (absent) throw new Error(`${absent} was not emitted`);
  console.log(`\n${ring}: ${files.length} files`);
  // One call a file, so that a hanging or crashing file is named and the others still run.
  const queue = [...emitted];
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const begun = Date.now();
      const args = ['--enable-source-maps', '--test', '--test-reporter=tap', '--test-timeout=600000', file];
      const { code, output } = await run(process.execPath, args, { quiet: true });
      const number = (what) => Number(new RegExp(`^# ${what} (\\d+)`, 'm').exec(output)?.[1] ?? 0);
      // A file that defines no test is reported as one passing test with the file's name, and a skipped suite not at all.
      const empty = new RegExp(`^ok \\d+ - .*${basename(file).replaceAll('.', '\\.')}$`, 'm').test(output);
      const reasons = [...output.matchAll(/^ *ok \d+ - .*# SKIP(.*)$/gm)].map(([, reason]) => reason.trim());
      const [passed, failed] = [empty ? 0 : number('pass'), number('fail') + number('cancelled')];
      const skipped = Math.max(number('skipped'), reasons.length);
      const bad = failed > 0 || code !== 0 || passed + skipped === 0;
      console.log(
        `${bad ? 'FAIL' : 'ok  '} ${relative('dist', file)}: ${passed} passed${skipped ? `, ${skipped} skipped` : ''} (${((Date.now() - begun) / 1000).toFixed(1)} s)`,
      );
      if (bad)
        console.log(
          output
            .split('\n')
            .filter((line) => !/^\s*(ok \d+|# Subtest|duration_ms|type:|---|\.\.\.)/.test(line))
            .join('\n')
            .slice(0, 20000),
        );
      if (empty) console.log('     it defines no test');
      for (const reason of reasons) console.log(`     skipped: ${reason || 'it does not say why'}`);
      count(file, passed, bad ? Math.max(failed, 1) : 0, skipped);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

try {
  const lacking = prepare({
    node: isRoot && (wants('e2e') || wants('attack') || wants('rigs')),
    test: true,
    database: wants('integration'),
    rigs: wants('rigs'),
  });
  const reason = !isRoot
    ? 'they start containers and change network rules, which takes root'
    : lacking.length > 0
      ? `missing: ${lacking.join(', ')}`
      : undefined;
  if (wants('check')) {
    await check('types', process.execPath, ['node_modules/typescript7/bin/tsc', '--noEmit']);
    await check('lint and format', 'npx', ['biome', 'ci', '--colors=off', '.']);
    await check('import rules', process.execPath, ['scripts/check-dependencies.mjs']);
    await check('lookups by clients’ text', process.execPath, ['scripts/check-lookups.mjs']);
    await check('generated code', process.execPath, ['scripts/generate.mjs', '--check']);
    await check('validation ledger', process.execPath, ['scripts/validation-ledger.mjs', '--check']);
    await check('page of settings', process.execPath, ['scripts/settings-page.mjs', '--check']);
    await check('supply chain', process.execPath, ['scripts/check-supply-chain.mjs'], { show: true });
  }
  if (wants('rust')) await rust();
  if (wants('unit')) await nodeTests('unit', '.spec.ts', availableParallelism());
  if (wants('integration')) await nodeTests('integration', '.int-spec.ts', availableParallelism());
  if (wants('e2e')) {
    if (reason) console.log(`\ne2e: skipped: ${reason}`);
    else await nodeTests('e2e', '.e2e-spec.ts', 1);
  }
  if (wants('attack')) await attack();
  if (wants('rigs')) {
    if (reason) console.log(`\nrigs: skipped: ${reason}`);
    else await nodeTests('rigs', '.rig-spec.ts', 1);
  }
} catch (error) {
  console.error(error instanceof PrepareError ? `test: ${error.message}` : error);
  totals.failed++;
}
if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
if (totals.skipped > 0) console.log(`${totals.skipped} skipped, each for the reason above`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
