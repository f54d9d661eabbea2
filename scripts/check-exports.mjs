// Checks that no exported declaration of production code is used by tests alone: not in its own file, and in no other that ships.
// Such code is tested and does nothing. It goes, or moves to the tests. What has to stay says why in a comment
// on the line above: `// test-only: <why>`.
//
// Names are compared as words, so a name that two declarations share may hide one of them; none is reported wrongly for that.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const SHIPPED = ['apps', 'libs', 'scripts', 'bin'];
const TESTS = ['test'];
const TEST_FILE = /\.(?:spec|int-spec|e2e-spec|rig-spec|rows|fixture)\.ts$|\/testing\/|^(?:libs\/testing|test)\//;
const MARK = /\/\/ test-only: \S.*\n$/;
const EXPORT =
  /^export (?:declare )?(?:async )?(?:abstract )?(?:const|let|function\*?|class|interface|type|enum) ([\w$]+)/gm;
const WORD = /[A-Za-z_$][\w$]*/g;
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm;
const FEWEST_FILES = 400;

/** Of the files of some folders, by path from the root. */
function textsOf(folders) {
  const texts = new Map();
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder), { recursive: true })) {
      if (/\.(?:ts|mjs)$/.test(name)) texts.set(`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8'));
    }
  }
  return texts;
}

/** `path name` of each declaration that tests alone use. */
export function testOnlyExports(texts) {
  const shipped = new Map();
  const tested = new Set();
  for (const [path, text] of texts) {
    const words = text.replace(COMMENT, '').match(WORD) ?? [];
    // An index passes names on and uses none.
    if (TEST_FILE.test(path)) for (const word of words) tested.add(word);
    else if (!path.endsWith('/index.ts')) for (const word of words) shipped.set(word, (shipped.get(word) ?? 0) + 1);
  }
  const found = [];
  for (const [path, text] of texts) {
    if (TEST_FILE.test(path) || path.includes('/generated/')) continue;
    for (const match of text.matchAll(EXPORT)) {
      const name = match[1];
      if (shipped.get(name) !== 1 || !tested.has(name) || MARK.test(text.slice(0, match.index))) continue;
      found.push(`${path} ${name}`);
    }
  }
  return found;
}

if (process.argv[1] === import.meta.filename) {
  const texts = textsOf([...SHIPPED, ...TESTS]);
  const found = testOnlyExports(texts);
  for (const one of found) console.log(`${one}: only tests use it`);
  console.log(`${texts.size} files, ${found.length} exports that only tests use`);
  process.exit(found.length > 0 || texts.size < FEWEST_FILES ? 1 : 0);
}
