// The process of one spec file: gives it jest's globals, runs its tests with jest-circus, sends the results, and exits.
import { existsSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { jestExpect } from '@jest/expect';
import { ModernFakeTimers } from '@jest/fake-timers';
import * as circus from 'jest-circus';
import { ModuleMocker } from 'jest-mock';

const { describe, it, test, beforeAll, afterAll, beforeEach, afterEach } = circus;

/** The part of the `jest` object that needs no module registry. */
function jestObject() {
  const mocker = new ModuleMocker(globalThis);
  const timers = new ModernFakeTimers({ config: { fakeTimers: {} }, global: globalThis });
  return {
    fn: mocker.fn.bind(mocker),
    spyOn: mocker.spyOn.bind(mocker),
    clearAllMocks: () => mocker.clearAllMocks(),
    resetAllMocks: () => mocker.resetAllMocks(),
    restoreAllMocks: () => mocker.restoreAllMocks(),
    useFakeTimers: (config) => timers.useFakeTimers(config),
    useRealTimers: () => timers.useRealTimers(),
    advanceTimersByTime: (ms) => timers.advanceTimersByTime(ms),
    advanceTimersByTimeAsync: (ms) => timers.advanceTimersByTimeAsync(ms),
    runAllTimers: () => timers.runAllTimers(),
    setSystemTime: (time) => timers.setSystemTime(time),
    getTimerCount: () => timers.getTimerCount(),
    setTimeout: (ms) => {
      circus.getState().testTimeout = ms;
    },
  };
}

const STATUS = new Map([
  ['skip', 'pending'],
  ['todo', 'todo'],
]);

/**
 * What jest's own adapter does after each test: errors that matchers kept back, and assertions that `expect.assertions` and
 * `expect.hasAssertions` demanded and that did not run, become errors of the test.
 */
function judgeExpectations(event) {
  if (event.name !== 'test_done') return;
  const { suppressedErrors = [], isExpectingAssertions } = jestExpect.getState();
  jestExpect.setState({ suppressedErrors: [] });
  event.test.errors.push(...suppressedErrors);
  const unmet = jestExpect.extractExpectedAssertionsErrors();
  // A test that failed before its assertions says why it failed, and no more.
  if (!isExpectingAssertions || event.test.errors.length === 0)
    event.test.errors.push(...unmet.map(({ error }) => error));
}

/** A test as it crosses to the runner. The first title is that of circus' root. */
function plain({ testPath, status, errors, duration }) {
  return {
    titles: testPath.slice(1).map(String),
    status: errors.length > 0 ? 'failed' : (STATUS.get(status) ?? 'passed'),
    failures: errors,
    duration: duration ?? 0,
  };
}

/** What V8 counted in the code of ours, with the source maps that lead to the TypeScript. */
async function coverageOf(session, rootDir) {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const emitted = pathToFileURL(join(rootDir, 'dist')).href;
  return result
    .filter(({ url }) => url.startsWith(`${emitted}/`) && !/spec\.js$|\/testing\//.test(url))
    .map((counted) => {
      const path = fileURLToPath(counted.url);
      const map = `${path}.map`;
      const code = readFileSync(path, 'utf8');
      return {
        result: { ...counted, url: path },
        codeTransformResult: existsSync(map) ? { code, originalCode: '', sourceMapPath: map } : undefined,
      };
    });
}

async function runSpec({ path, rootDir, testTimeoutMs, testNamePattern, coverage }) {
  const session = coverage ? new Session() : undefined;
  if (session) {
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }
  Object.assign(globalThis, { describe, it, test, beforeAll, afterAll, beforeEach, afterEach });
  Object.assign(globalThis, { expect: jestExpect, jest: jestObject() });
  const state = circus.getState();
  state.testTimeout = testTimeoutMs;
  if (testNamePattern) state.testNamePattern = new RegExp(testNamePattern, 'i');
  await import(pathToFileURL(path).href);
  circus.addEventHandler(judgeExpectations);
  const { testResults, unhandledErrors } = await circus.run();
  return {
    tests: testResults.map(plain),
    errors: unhandledErrors,
    coverage: session && (await coverageOf(session, rootDir)),
  };
}

// Without the runner nobody waits for the result. `exit` runs the handlers that end what a test has started.
process.on('disconnect', () => process.exit(1));
process.once('message', async (order) => {
  const result = await runSpec(order);
  process.removeAllListeners('disconnect');
  // A handle that a test left open does not hold the run up.
  process.send(result, () => process.exit(0));
});
