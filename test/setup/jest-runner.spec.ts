import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const load = (name: string) => import(pathToFileURL(join(installation, 'scripts', 'jest', name)).href);
const { default: FileRunner } = await load('file-runner.mjs');
const { linesOf } = await load('ring-reporter.mjs');

const LIMITS = { testTimeoutMs: 2_000, fileTimeoutMs: 20_000 };

interface Ended {
  result?: any;
  error?: Error;
}

describe('the runner of spec files', () => {
  let folder: string;
  beforeAll(() => {
    // Inside the checkout, so that the files find their packages.
    mkdirSync(join(installation, 'node_modules', '.cache'), { recursive: true });
    folder = mkdtempSync(join(installation, 'node_modules', '.cache', 'runner-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a file with this text. */
  async function run(text: string, { limits = {}, config = {} } = {}): Promise<Ended> {
    const path = join(folder, `${Math.random().toString(36).slice(2)}.mjs`);
    writeFileSync(path, text);
    const globalConfig = { maxWorkers: 1, collectCoverage: false, ...config };
    const runner = new FileRunner(globalConfig, {}, { ...LIMITS, ...limits });
    const ended: Ended = {};
    await runner.runTests(
      [{ path, context: { config: { rootDir: folder } } }],
      { isInterrupted: () => false },
      async () => {},
      async (_test: unknown, result: unknown) => {
        ended.result = result;
      },
      async (_test: unknown, error: Error) => {
        ended.error = error;
      },
    );
    return ended;
  }

  it('counts what passes, fails and is skipped, and names the tests', async () => {
    const { result } = await run(`
      describe('outer', () => {
        it('passes', () => {});
        it('fails', () => { console.log('a hint'); throw new Error('no good'); });
        it.skip('waits [skipped: no root]', () => {});
      });`);
    assert.deepEqual(
      result.testResults.map((test: any) => [test.fullName, test.status]),
      [
        ['outer passes', 'passed'],
        ['outer fails', 'failed'],
        ['outer waits [skipped: no root]', 'pending'],
      ],
    );
    assert.deepEqual([result.numPassingTests, result.numFailingTests, result.numPendingTests], [1, 1, 1]);
    assert.match(result.failureMessage, /outer > fails\n.*no good[\s\S]*a hint/);
    const lines = linesOf(result, { rootDir: folder });
    assert.match(lines[0], /^FAIL \w+\.mjs: 1 passed, 1 failed, 1 skipped \(/);
    assert.equal(lines.at(-1), '     skipped: no root');
  });

  it('does not wait for what a test left open', async () => {
    const { result } = await run(`it('opens', () => { setInterval(() => {}, 1000); });`);
    assert.equal(result.numPassingTests, 1);
  });

  it('lets the exit handlers of a test run', async () => {
    const file = join(folder, 'ended');
    const { result } = await run(
      `import { writeFileSync } from 'node:fs';
      it('begins', () => { process.on('exit', () => writeFileSync(${JSON.stringify(file)}, '')); setInterval(() => {}, 1000); });`,
    );
    assert.equal(result.numPassingTests, 1);
    rmSync(file);
  });

  it('gives each file globals of its own', async () => {
    await run(`it('sets', () => { globalThis.left = true; });`);
    const { result } = await run(`it('reads', () => { if (globalThis.left) throw new Error('left'); });`);
    assert.equal(result.numPassingTests, 1);
  });

  it('ends a test that takes too long, and goes on with the next', async () => {
    const { result } = await run(`it('waits', () => new Promise(() => {})); it('goes on', () => {});`, {
      limits: { testTimeoutMs: 200 },
    });
    assert.deepEqual([result.numPassingTests, result.numFailingTests], [1, 1]);
    assert.match(result.failureMessage, /Exceeded timeout of 200 ms/);
  });

  it('counts a hook that fails against its tests', async () => {
    const { result } = await run(`beforeAll(() => { throw new Error('no server'); }); it('asks', () => {});`);
    assert.equal(result.numFailingTests, 1);
    assert.match(result.failureMessage, /no server/);
  });

  it('runs only the tests that a pattern names', async () => {
    const { result } = await run(`it('one', () => {}); it('two', () => { throw new Error(); });`, {
      config: { testNamePattern: 'one' },
    });
    assert.deepEqual([result.numPassingTests, result.numFailingTests, result.numPendingTests], [1, 0, 1]);
    assert.match(linesOf(result, { rootDir: folder, testNamePattern: 'one' })[0], /: 1 passed \(/);
  });

  it('gives jest a file without tests as such: jest fails it', async () => {
    assert.deepEqual((await run('')).result.testResults, []);
  });

  it('fails a test whose demanded assertions did not run', async () => {
    const { result } = await run(`
      it('counts', () => { expect.assertions(2); expect(1).toBe(1); });
      it('has none', async () => { expect.hasAssertions(); });
      it('has all', () => { expect.assertions(1); expect(1).toBe(1); });
      it('demands nothing', () => {});
      it('fails before', () => { expect.hasAssertions(); throw new Error('first'); });`);
    const found = Object.fromEntries(
      result.testResults.map((test: any) => [test.title, [test.status, test.failureMessages.length]]),
    );
    assert.deepEqual(found, {
      counts: ['failed', 1],
      'has none': ['failed', 1],
      'has all': ['passed', 0],
      'demands nothing': ['passed', 0],
      'fails before': ['failed', 1],
    });
    assert.match(result.failureMessage, /Expected two assertions to be called but received one assertion call/);
    assert.match(result.failureMessage, /Expected at least one assertion to be called but received none/);
  });

  const failures: [what: string, text: string, limits: object, message: RegExp][] = [
    [
      'a loop that never ends',
      `it('spins', () => { for (;;); });`,
      { fileTimeoutMs: 1_500 },
      /did not end within 1.5 s/,
    ],
    [
      'a crash',
      `it('dies', () => { process.kill(process.pid, 'SIGSEGV'); return new Promise(() => {}); });`,
      {},
      /ended with SIGSEGV/,
    ],
    ['an exit in a test', `it('exits', () => process.exit(0));`, {}, /ended with 0 before/],
    [
      'an exit handler that fails',
      `it('begins', () => { process.on('exit', () => process.abort()); });`,
      {},
      /after its tests/,
    ],
    [
      'an error that nobody catches',
      `it('throws', () => new Promise(() => setTimeout(() => { throw new Error('loose'); })));`,
      {},
      /ended with 1 before/,
    ],
    ['a module that is not there', `import './none.mjs';`, {}, /ended with 1 before/],
  ];
  for (const [what, text, limits, message] of failures) {
    it(`names a file that fails by ${what}`, async () => {
      const { result, error } = await run(text, { limits });
      assert.equal(result, undefined);
      assert.match(error!.message, message);
    });
  }
});
