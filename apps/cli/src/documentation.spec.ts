import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';
import { flagsOf, programUsage } from '#settings';

test('--help lists every flag with its argument and default', () => {
  const text = programUsage('up', 'berth up', '');
  for (const flag of flagsOf('up')) {
    const line = text.split('\n').find((candidate) => candidate.trimStart().startsWith(`--${flag.name} `));
    assert.ok(line, flag.name);
    assert.ok(!flag.default || line.endsWith(`(default: ${flag.default})`), line);
    assert.ok(!flag.argument || line.includes(`--${flag.name} ${flag.argument} `), line);
  }
});

test('the page on the command line names no flag of up that there is not', () => {
  const page = readFileSync(join(installation, 'docs', 'command-line.md'), 'utf8');
  const written = [...page.slice(page.indexOf('## Flags of up')).matchAll(/`--([a-z-]+)/g)].map((match) => match[1]!);
  const there = new Set(flagsOf('up').map(({ name }) => name));
  assert.ok(written.length > 0);
  assert.deepEqual(
    written.filter((name) => !there.has(name)),
    [],
  );
});
