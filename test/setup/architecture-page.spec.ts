import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const page = readFileSync(join(installation, 'ARCHITECTURE.md'), 'utf8');
let problems: (page?: string) => string[];
beforeAll(async () => {
  const module = await import(pathToFileURL(join(installation, 'scripts/architecture-tables.mjs')).href);
  problems = (text) => module.architectureProblems(installation, text);
});

function changed(from: string | RegExp, to: string): string {
  const text = page.replace(from, to);
  assert.notEqual(text, page, `ARCHITECTURE.md has no ${from}`);
  return text;
}

describe('ARCHITECTURE.md', () => {
  it('is as the tree and the rules are', () => {
    assert.deepEqual(problems(), []);
  });

  const table: [what: string, from: string | RegExp, to: string, problem: RegExp][] = [
    [
      'a folder that is not listed',
      /^\| `libs\/oci` .*\n/m,
      '',
      /^ARCHITECTURE.md, table of folders: libs\/oci is missing$/,
    ],
    ['a folder that is not there', '| `libs/oci` |', '| `libs/gone`, `libs/oci` |', /: libs\/gone is too much$/],
    [
      'an import that the rules forbid',
      /^(\| `libs\/client` .*)telemetry \|$/m,
      '$1telemetry, host |',
      /libs\/client: host is too much$/,
    ],
    ['a crate that uses another', /guard, xtables \|$/m, 'guard |', /native.*: xtables is missing$/],
    ['an order of folders that is not that of the rules', /^\| `codec` .*\n/m, '', /the order is .*, codec, .*, not /],
  ];
  test.each(table)('%s is found', (_, from, to, problem) => {
    const found = problems(changed(from, to));
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0]!, problem);
  });

  it('cannot lose a table unnoticed', () => {
    assert.throws(() => problems(changed('| folder | contents | may import |', '| folder |')), /has no table/);
  });
});
