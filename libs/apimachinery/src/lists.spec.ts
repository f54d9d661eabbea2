import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { appendAll, largest, smallest } from './lists.js';

const root = join(import.meta.dirname, '../../../..');
/** What clients' objects go through. */
const FOLDERS = ['apps/api/src', 'libs/apimachinery/src', 'libs/kinds/src', 'libs/client/src', 'libs/controllers/src'];
/** Calls whose arguments a spread list becomes. */
const SPREAD =
  /\.(?:push|unshift|apply|concat|fromCharCode|fromCodePoint|max|min)\(\s*(?:[^()]*,\s*)?\.\.\.|\.splice\([^()]*\.\.\./g;
/** Lists of the program itself, which no client makes longer. */
const OWN_LISTS = ['out.push(`# HELP'];

describe('long lists', () => {
  it('are appended and searched without a limit of their length', () => {
    const list = [0];
    appendAll(
      list,
      Array.from({ length: 500_000 }, (_, i) => i),
    );
    assert.equal(list.length, 500_001);
    assert.equal(largest(list, 0), 499_999);
    assert.equal(largest([], -1), -1);
    assert.equal(smallest(list, 1), 0);
    assert.equal(smallest([], 7), 7);
  });

  it('are spread into the arguments of no call', () => {
    const found: string[] = [];
    let files = 0;
    for (const folder of FOLDERS) {
      for (const name of readdirSync(join(root, folder), { recursive: true }) as string[]) {
        if (!name.endsWith('.ts') || name.endsWith('spec.ts') || name.includes('testing/')) continue;
        files += 1;
        const text = readFileSync(join(root, folder, name), 'utf8');
        for (const { index } of text.matchAll(SPREAD)) {
          const line = text.slice(text.lastIndexOf('\n', index) + 1, index + 60).trim();
          // A spread in an object or an array among the arguments is none of the arguments.
          const call = text.slice(index, text.indexOf('...', index));
          if (/[{[]/.test(call) || OWN_LISTS.some((own) => line.startsWith(own))) continue;
          found.push(`${folder}/${name}: ${line}`);
        }
      }
    }
    assert.ok(files > 300, `${files} files`);
    assert.deepEqual(found, []);
  });
});
