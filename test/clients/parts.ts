import assert from 'node:assert/strict';
import { describeUnless, type TestServer, testServer } from '#testing';
import { type Program, run } from './programs.js';

/**
 * Runs a program that uses the cluster named by KUBECONFIG and prints `ok NAME` or `FAIL NAME: REASON` for each thing it tries: each
 * is a test. A part that is not listed here, or does not run, is a failure.
 */
export function describeParts(client: string, program: Program, parts: readonly string[]): void {
  describeUnless(program.missing, client, () => {
    let api: TestServer;
    let output = '';

    beforeAll(async () => {
      api = await testServer({ components: ['controllers', 'scheduler'] });
      const ended = await run(program.command!, { env: { KUBECONFIG: api.adminKubeconfig }, timeoutMs: 10 * 60_000 });
      output = ended.output;
    });
    afterAll(() => api?.close());

    for (const part of parts) {
      test(part, () => {
        const lines = output.split('\n');
        const failed = lines.find((line) => line.startsWith(`FAIL ${part}: `));
        assert.equal(failed, undefined);
        assert.ok(lines.includes(`ok ${part}`), `it did not run:\n${output.slice(-500)}`);
      });
    }

    test('nothing else', () => {
      const tried = [...output.matchAll(/^(?:ok (.+)|FAIL (.+?): )/gm)].map(([, ok, failed]) => ok ?? failed!);
      assert.deepEqual(
        tried.filter((name) => !parts.includes(name)),
        [],
      );
    });
  });
}
