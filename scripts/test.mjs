// `npm test`: everything that has to hold, in one go, and exactly what CI runs. Ends with one line `N passed, N failed`.
//
//   npm test                        all rings but clients and rigs
//   npm test -- unit api            only these rings, or only spec files whose path has one of the other words
//   npm test -- unit -t 'a title'   only tests whose title matches this regular expression
//   npm run test:watch -- kinds     again at every change; the unit ring when none is named
//   npm run test:coverage           the unit ring, with the coverage of the code
//
// Rings: check (types, lint, imports, lookups, generated code, supply chain), rust, unit (*.spec), integration (*.int-spec: real
// PostgreSQL), e2e (*.e2e-spec: a real cluster; takes root), attack (test/attack: requests that must not succeed; words select its rows).
// Only when they are named: clients (*.client-spec: other people's clients, from the registries of their languages; takes minutes), and
// rigs (*.rig-spec: machines with another process 1, kernel or cgroup hierarchy; takes root and minutes).
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { skippedTests } from './jest/ring-reporter.mjs';
import { isRoot, PrepareError, prepare, root } from './prepare.mjs';

const RINGS = ['check', 'rust', 'unit', 'integration', 'e2e', 'attack'];
/** Not part of a call without words. */
const ON_DEMAND = ['clients', 'rigs'];
const SOURCES = ['apps', 'libs', 'test'];
/** Words select spec files; these rings have none, and run with words only when they are named. */
const WITHOUT_SPECS = ['check', 'rust', 'attack'];
const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    watch: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    name: { type: 'string', short: 't' },
  },
});
const rings = [...RINGS, ...ON_DEMAND].filter((ring) => words.includes(ring));
const filters = words.filter((word) => !rings.includes(word));
const narrowed = filters.length > 0 || flags.name !== undefined;
const wants = (ring) =>
  rings.length > 0 || ON_DEMAND.includes(ring) ? rings.includes(ring) : !narrowed || !WITHOUT_SPECS.includes(ring);

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

/** A check is one test: its output is shown when it fails, or always. What it could not check counts as skipped. */
async function check(name, command, args, { show = false } = {}) {
  const begun = Date.now();
  const { code, output } = await run(command, args, { quiet: true });
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  if (code !== 0 || show) console.log(output.trim().replace(/^/gm, '     '));
  const unchecked = [...output.matchAll(/^not checked: /gm)].length;
  count(name, code === 0 ? 1 : 0, code === 0 ? 0 : 1, unchecked);
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
  for (const dir of SOURCES) visit(dir);
  return found.filter((path) => filters.length === 0 || filters.some((word) => path.includes(word))).sort();
}

/** Runs the spec files of a ring: jest.config.mjs says how. */
async function jest(ring, suffix) {
  const files = specs(suffix);
  if (files.length === 0) {
    if (filters.length === 0)
      throw new Error(`${ring}: no file ends in ${suffix}: the test runner is looking in the wrong place`);
    return;
  }
  const emitted = files.map((path) => join(root, 'dist', path.replace(/\.ts$/, '.js')));
  const absent = emitted.find((path) => !existsSync(path));
  if (absent) throw new Error(`${absent} was not emitted`);
  console.log(`\n${ring}: ${files.length} files`);
  // A fresh machine has it only once `prepare` has run.
  const { runCLI } = await import('jest');
  const { results } = await runCLI(
    {
      $0: 'jest',
      _: emitted,
      runTestsByPath: true,
      selectProjects: [ring],
      testNamePattern: flags.name,
      coverage: flags.coverage,
    },
    [root],
  );
  for (const result of results.testResults) {
    const { testFilePath, numPassingTests, numFailingTests, testExecError } = result;
    const failed = testExecError ? Math.max(numFailingTests, 1) : numFailingTests;
    count(testFilePath, numPassingTests, failed, skippedTests(result, flags.name).length);
  }
  const missed = emitted.length - results.testResults.length;
  if (missed > 0) count(`${ring}: ${missed} files did not run`, 0, missed);
}

/** Runs the files again at each change, until it is interrupted. A changed source is emitted, and jest sees that. */
async function watchTests() {
  const { runCLI } = await import('jest');
  const { buildTypeScript } = await import('./typescript-build.mjs');
  let changed = false;
  let emitting = false;
  const emit = async () => {
    changed = true;
    if (emitting) return;
    emitting = true;
    while (changed) {
      changed = false;
      await buildTypeScript(root).catch((error) => console.error(error.message));
    }
    emitting = false;
  };
  for (const dir of SOURCES) watch(join(root, dir), { recursive: true }, () => void emit());
  const [ring = 'unit'] = rings;
  const options = { watchAll: true, selectProjects: [ring], testNamePattern: flags.name };
  await runCLI({ $0: 'jest', _: filters, ...options }, [root]);
}

async function allRings() {
  const lacking = await prepare({
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
    await check('exports for tests alone', process.execPath, ['scripts/check-exports.mjs']);
    await check('generated code', process.execPath, ['scripts/generate.mjs', '--check']);
    await check('validation ledger', process.execPath, ['scripts/validation-ledger.mjs', '--check']);
    await check('page of settings', process.execPath, ['scripts/settings-page.mjs', '--check']);
    await check('supply chain', process.execPath, ['scripts/check-supply-chain.mjs'], { show: true });
  }
  if (wants('rust')) await rust();
  if (wants('unit')) await jest('unit', '.spec.ts');
  if (wants('integration')) await jest('integration', '.int-spec.ts');
  if (wants('e2e')) {
    if (reason) console.log(`\ne2e: skipped: ${reason}`);
    else await jest('e2e', '.e2e-spec.ts');
  }
  if (wants('attack')) await attack();
  if (wants('clients')) await jest('clients', '.client-spec.ts');
  if (wants('rigs')) {
    if (reason) console.log(`\nrigs: skipped: ${reason}`);
    else await jest('rigs', '.rig-spec.ts');
  }
}

try {
  if (flags.watch) {
    await prepare({ node: false, test: true });
    await watchTests();
  } else await allRings();
} catch (error) {
  console.error(error instanceof PrepareError ? `test: ${error.message}` : error);
  totals.failed++;
}
if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
if (totals.skipped > 0) console.log(`${totals.skipped} skipped, each for the reason above`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
