import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { installation } from '#host';

/** The tests of `native/<crate>/tests/<name>.rs`, as the program that cargo makes of them. */
export function compiledTests(crate: string, name: string): string {
  const command = ['test', '-p', crate, '--no-default-features', '--test', name, '--no-run'];
  const messages = execFileSync('cargo', [...command, '--message-format=json'], {
    cwd: installation,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const [program] = [...messages.matchAll(/"executable":"([^"]+)"/g)].map(([, path]) => path!);
  assert.ok(program, messages);
  return program;
}
