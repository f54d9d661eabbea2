// Prints a line for each spec file when it ends, what failed in it, and the reasons of its skipped tests.
import { relative } from 'node:path';

/** `testUnless` and `describeUnless` of #testing write it. */
const SKIPPED = /^(.*) \[skipped: (.*)\]$/s;

/** A test that the name filter left out is pending too, and is not reported. */
export function skippedTests({ testResults }, testNamePattern) {
  const named = (test) => SKIPPED.test(test.title);
  return testResults.filter((test) => test.status === 'pending' && (!testNamePattern || named(test)));
}

/** @param {any} result of a file. @param {{ rootDir: string, testNamePattern?: string }} config @returns {string[]} */
export function linesOf(result, { rootDir, testNamePattern }) {
  const { testFilePath, numPassingTests, numFailingTests, failureMessage, testExecError, perfStats } = result;
  const bad = numFailingTests > 0 || Boolean(testExecError) || Boolean(failureMessage);
  const skipped = skippedTests(result, testNamePattern);
  const counts = [`${numPassingTests} passed`];
  if (numFailingTests > 0) counts.push(`${numFailingTests} failed`);
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  const seconds = ((perfStats.end - perfStats.start) / 1000).toFixed(1);
  const lines = [`${bad ? 'FAIL' : 'ok  '} ${relative(rootDir, testFilePath)}: ${counts.join(', ')} (${seconds} s)`];
  if (bad) lines.push(...[failureMessage, testExecError?.stack].filter(Boolean));
  for (const { title } of skipped) {
    const [, , reason = 'it does not say why'] = SKIPPED.exec(title) ?? [];
    lines.push(`     skipped: ${reason}`);
  }
  return lines;
}

export default class RingReporter {
  constructor(globalConfig) {
    this.config = globalConfig;
  }

  onTestResult(_test, result) {
    for (const line of linesOf(result, this.config)) console.log(line);
  }
}
