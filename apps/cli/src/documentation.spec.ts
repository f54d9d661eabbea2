import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';
import { usage } from './flags.js';
import { upFlags } from './settings.js';

const page = readFileSync(join(installation, 'docs', 'command-line.md'), 'utf8');
const table = page.slice(page.indexOf('## Flags of up'));

test('the page on the command line lists every flag of up, and no other', () => {
  const written = [...table.matchAll(/`--([a-z-]+)`/g)].map((match) => match[1]!);
  assert.deepEqual(written.sort(), upFlags.map((flag) => flag.name).sort());
});

test('--help lists every flag with its argument and default', () => {
  const text = usage('berth up', '', upFlags);
  for (const flag of upFlags) {
    const line = text.split('\n').find((candidate) => candidate.trimStart().startsWith(`--${flag.name} `));
    assert.ok(line, flag.name);
    assert.ok(!flag.default || line.endsWith(`(default: ${flag.default})`), line);
    assert.ok(!flag.argument || line.includes(`--${flag.name} ${flag.argument} `), line);
  }
});
