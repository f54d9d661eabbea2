import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

interface Scope {
  scope: string;
  uses: Map<string, Set<string>>;
}

const rules: {
  rustModules(src: string): Scope[];
  circleOf(uses: Map<string, Set<string>>): string[] | undefined;
} = await import(pathToFileURL(join(installation, 'scripts/rust-modules.mjs')).href);

/** The scopes of a crate with these files, with names in place of sets. */
function read(files: Record<string, string>): { uses: [string, string[]][]; circle: string[] | undefined }[] {
  const src = mkdtempSync(join(tmpdir(), 'berth-crate-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(src, name)), { recursive: true });
      writeFileSync(join(src, name), text);
    }
    return rules.rustModules(src).map(({ uses }) => ({
      uses: [...uses].map(([name, used]) => [name, [...used].sort()]),
      circle: rules.circleOf(uses),
    }));
  } finally {
    rmSync(src, { recursive: true });
  }
}

test('uses are found in all forms, but not those of tests', () => {
  const [crate] = read({
    'lib.rs': 'mod a;\npub mod b;\nmod c;\nmod d;\n#[cfg(test)]\nmod testing;\n',
    'a.rs': 'use crate::{b::{One, Two}, c};\n// use crate::d;\n',
    'b.rs': 'use crate::c::{self, Three};\nfn f() { crate::d::g() }\n',
    'c.rs': '#[cfg(test)]\nmod tests {\n    use crate::a;\n}\n',
    'd.rs': 'use super::c;\n',
    'testing.rs': 'use crate::a;\n',
  });
  assert.deepEqual(crate?.uses, [
    ['a', ['b', 'c']],
    ['b', ['c', 'd']],
    ['c', []],
    ['d', ['c']],
  ]);
});

test('a circle is named, in a crate and within a folder of it', () => {
  const [crate, folder] = read({
    'main.rs': 'mod a;\nmod b;\nmod rules;\n',
    'a.rs': 'use crate::b;\n',
    'b.rs': 'use crate::rules::X;\n',
    'rules/mod.rs': 'mod x;\nmod y;\n',
    'rules/x.rs': 'use super::y;\nuse crate::a;\n',
    'rules/y.rs': 'use super::x::Z;\n',
  });
  assert.deepEqual(crate?.circle, ['a', 'b', 'rules', 'a']);
  assert.deepEqual(folder?.circle, ['x', 'y', 'x']);
});
