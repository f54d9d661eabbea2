import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';

const page = readFileSync(join(installation, 'docs', 'security.md'), 'utf8');
const named = [...page.matchAll(/`([\w./-]+\.(?:rows|spec|int-spec|e2e-spec)\.ts|native\/[\w./-]+\.rs)`/g)].map(
  ([, path]) => path!,
);

test('every test that the page names is there', () => {
  assert.ok(named.length > 20, `the page names ${named.length} tests`);
  assert.deepEqual(
    named.filter((path) => !existsSync(join(installation, path))),
    [],
  );
});

test('every promise names a test', () => {
  const rows = page.split('\n').filter((line) => /^\| .* \|$/.test(line) && line.split(' | ').length === 2);
  const promises = rows.slice(rows.indexOf('| kept | by |')).filter((line) => line !== '| kept | by |');
  assert.ok(promises.length > 10, `the page makes ${promises.length} promises`);
  for (const promise of promises)
    assert.match(promise.split(' | ')[1]!, /\.(?:rows|spec|int-spec|e2e-spec)\.ts`|`native\/[\w./-]+\.rs`/, promise);
});

test('every area of the attack suite is on the page', () => {
  const files = readdirSync(join(installation, 'test', 'attack')).filter(
    (name) => name.endsWith('.rows.ts') && name !== 'node.rows.ts',
  );
  assert.ok(files.length > 10);
  for (const file of files)
    assert.ok(named.includes(`test/attack/${file}`), `docs/security.md does not name test/attack/${file}`);
});
