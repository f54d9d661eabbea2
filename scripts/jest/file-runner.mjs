// A runner for jest: each spec file runs in a Node process of its own, without a vm context and without a transformer.
// So a file sees Node's own ESM loader, no other file can change its globals, and its exit handlers run when it ends.
import { fork } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('spec-process.mjs', import.meta.url));
/** Milliseconds that a process has for its exit handlers. */
const GRACE_MS = 5_000;
/** Characters of a file's output that are kept. */
const MOST_OUTPUT = 20_000;

/** @typedef {{ testTimeoutMs: number, fileTimeoutMs: number, workers?: number }} Limits the second part of `runner` in jest's configuration. */

export default class FileRunner {
  /** @param {any} globalConfig @param {any} _context @param {Limits} limits */
  constructor(globalConfig, _context, limits) {
    this.globalConfig = globalConfig;
    this.limits = limits;
  }

  async runTests(tests, watcher, onStart, onResult, onFailure) {
    const queue = [...tests];
    const workers = Math.min(this.limits.workers ?? Number.POSITIVE_INFINITY, this.globalConfig.maxWorkers);
    const worker = async () => {
      for (let test = queue.shift(); test && !watcher.isInterrupted(); test = queue.shift()) {
        await onStart(test);
        try {
          await onResult(test, await this.runFile(test));
        } catch (error) {
          await onFailure(test, { message: error.message, stack: error.stack });
        }
      }
    };
    await Promise.all(Array.from({ length: workers }, worker));
  }

  /** Runs one file. Rejects if its process ends without a result, or not cleanly after it. */
  async runFile({ path, context }) {
    const { testTimeoutMs, fileTimeoutMs } = this.limits;
    const { testNamePattern, collectCoverage } = this.globalConfig;
    const { rootDir } = context.config;
    const start = Date.now();
    const child = fork(PROGRAM, [], {
      cwd: rootDir,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let output = '';
    const take = (chunk) => {
      output = (output + chunk).slice(-MOST_OUTPUT);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    let message;
    child.on('message', (received) => {
      message = received;
    });
    let late = false;
    const timers = [];
    timers.push(
      setTimeout(() => {
        late = true;
        if (child.connected) child.disconnect();
        timers.push(setTimeout(() => child.kill('SIGKILL'), GRACE_MS));
      }, fileTimeoutMs),
    );
    child.send({ path, rootDir, testTimeoutMs, testNamePattern, coverage: collectCoverage });
    // Not 'close': a process that the spec left behind may hold the pipes.
    const [code, signal] = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (...ended) => resolve(ended));
    });
    for (const timer of timers) clearTimeout(timer);
    await new Promise((resolve) => setImmediate(resolve));
    child.stdout.destroy();
    child.stderr.destroy();
    if (late) throw failure(`the file did not end within ${fileTimeoutMs / 1000} s`, output);
    if (message === undefined) throw failure(`its process ended with ${signal ?? code} before its tests did`, output);
    if (code !== 0) throw failure(`its process ended with ${signal ?? code} after its tests`, output);
    return fileResult(path, rootDir, message, output, start);
  }
}

function failure(text, output) {
  const error = new Error(text);
  error.stack = `${text}\n${output}`;
  return error;
}

/** What jest wants to know of a file: `TestResult` of @jest/test-result. */
function fileResult(path, rootDir, { tests, errors, coverage }, output, start) {
  const end = Date.now();
  const testResults = tests.map(({ titles, status, failures, duration }) => ({
    ancestorTitles: titles.slice(0, -1),
    title: titles.at(-1),
    fullName: titles.join(' '),
    status,
    duration,
    failureMessages: failures,
    failureDetails: [],
    invocations: 1,
    numPassingAsserts: 0,
    location: null,
  }));
  const number = (status) => testResults.filter((test) => test.status === status).length;
  const failed = testResults.filter(({ status }) => status === 'failed');
  const messages = failed.map(
    (test) => `${[...test.ancestorTitles, test.title].join(' > ')}\n${indented(test.failureMessages.join('\n'))}`,
  );
  return {
    testFilePath: path,
    displayName: undefined,
    testResults,
    numPassingTests: number('passed'),
    numFailingTests: failed.length,
    numPendingTests: number('pending'),
    numTodoTests: number('todo'),
    failureMessage: messages.length > 0 ? `${messages.join('\n')}\n${indented(output)}` : null,
    testExecError: errors.length > 0 ? { message: errors.join('\n'), stack: errors.join('\n') } : undefined,
    perfStats: {
      start,
      end,
      runtime: end - start,
      slow: false,
      loadTestEnvironmentStart: start,
      loadTestEnvironmentEnd: start,
      setupAfterEnvStart: start,
      setupAfterEnvEnd: start,
      setupFilesStart: start,
      setupFilesEnd: start,
    },
    snapshot: { added: 0, fileDeleted: false, matched: 0, unchecked: 0, uncheckedKeys: [], unmatched: 0, updated: 0 },
    openHandles: [],
    leaks: false,
    skipped: false,
    console: output === '' ? undefined : [{ type: 'log', message: output, origin: relative(rootDir, path) }],
    v8Coverage: coverage,
  };
}

const indented = (text) => text.trimEnd().replace(/^/gm, '    ');
