import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const rules = await import(pathToFileURL(join(installation, 'scripts', 'supply-chain.mjs')).href);
const ALLOWED = ['MIT', 'Apache-2.0', 'Apache-2.0 WITH LLVM-exception', 'ISC'];

describe('what the project is built from', () => {
  const expressions: [string | undefined, boolean][] = [
    ['MIT', true],
    ['GPL-3.0-only', false],
    [undefined, false],
    ['', false],
    ['MIT OR GPL-3.0-only', true],
    ['GPL-3.0-only OR MIT', true],
    ['MIT/GPL-3.0-only', true],
    ['Apache-2.0 / MIT', true],
    ['MIT AND GPL-3.0-only', false],
    ['MIT AND ISC', true],
    ['(MIT OR GPL-3.0-only) AND GPL-3.0-only', false],
    ['(MIT OR GPL-3.0-only) AND ISC', true],
    ['GPL-3.0-only OR MIT AND ISC', true],
    ['GPL-3.0-only AND MIT OR ISC', true],
    ['Apache-2.0 WITH LLVM-exception', true],
    ['MIT WITH LLVM-exception', false],
    ['Apache-2.0 WITH LLVM-exception OR GPL-3.0-only', true],
    ['(MIT', false],
    ['MIT ISC', false],
    ['UNLICENSED', false],
  ];
  for (const [expression, holds] of expressions) {
    test(`licence ${expression}: ${holds ? 'allowed' : 'refused'}`, () =>
      assert.equal(rules.satisfied(expression, ALLOWED), holds));
  }

  test('deny.toml has one list of licences, and this reads it', () => {
    const allowed = rules.allowedLicences(readFileSync(join(installation, 'deny.toml'), 'utf8'));
    assert.ok(allowed.includes('MIT') && allowed.includes('Apache-2.0 WITH LLVM-exception'), allowed.join());
    assert.ok(allowed.every((name: string) => !/GPL|SSPL|BUSL|UNLICENSED/.test(name)));
  });

  const good = { version: '1.0.0', license: 'MIT', integrity: 'sha512-AAAA' };
  const packages: [string, string, object, RegExp | undefined][] = [
    ['is in order', 'node_modules/a', good, undefined],
    ['has a licence of another kind', 'node_modules/a', { ...good, license: 'AGPL-3.0' }, /licence AGPL-3.0/],
    ['has no licence', 'node_modules/a', { ...good, license: undefined }, /licence unknown/],
    ['has no hash', 'node_modules/a', { ...good, integrity: undefined }, /no SHA-512/],
    ['has an old hash', 'node_modules/a', { ...good, integrity: 'sha1-AAAA' }, /no SHA-512/],
    ['comes from Git', 'node_modules/a', { ...good, resolved: 'git+ssh://git@example.com/a.git#1' }, /comes from git/],
    ['comes from elsewhere', 'node_modules/a', { ...good, resolved: 'https://example.com/a.tgz' }, /comes from https/],
    ['is a link', 'node_modules/a', { ...good, link: true }, /not from the registry/],
    ['runs a script', 'node_modules/a', { ...good, hasInstallScript: true }, /runs a program/],
    [
      'hides in another',
      'node_modules/a/node_modules/@swc/core',
      { ...good, hasInstallScript: true },
      /runs a program/,
    ],
    ['is known to run a script', 'node_modules/@swc/core', { ...good, hasInstallScript: true }, undefined],
  ];
  for (const [what, path, entry, complaint] of packages) {
    test(`an npm package that ${what}: ${complaint ? 'refused' : 'accepted'}`, () => {
      const found: string[] = rules.npmComplaints({ packages: { '': {}, [path]: entry } }, ALLOWED);
      if (complaint === undefined) assert.deepEqual(found, []);
      else assert.match(found.join('\n'), complaint);
    });
  }

  test('a crate from elsewhere or without a hash is refused, one of the workspace accepted', () => {
    const lock = (more: string) => `[[package]]\nname = "a"\nversion = "1.0.0"\n${more}`;
    const crates = 'source = "registry+https://example.com/index"\n';
    const hash = `checksum = "${'0'.repeat(64)}"\n`;
    assert.deepEqual(rules.crateSourceComplaints(lock('')), []);
    assert.deepEqual(rules.crateSourceComplaints(lock(crates + hash)), []);
    assert.match(rules.crateSourceComplaints(lock(crates)).join(), /no SHA-256/);
    const other = lock(crates.replace('index', 'other') + hash);
    assert.match(rules.crateSourceComplaints(lock(crates + hash) + other).join(), /registry of the others/);
    assert.match(
      rules.crateSourceComplaints(lock(`source = "git+https://example.com/a"\n${hash}`)).join(),
      /comes from git/,
    );
  });

  test('a crate of another licence is refused, whatever it is', () => {
    const crate = { name: 'a', version: '1.0.0', source: 'registry+x', license: 'MIT' };
    const complaints = (changes: object) =>
      rules.crateLicenceComplaints({ packages: [{ ...crate, ...changes }] }, ALLOWED);
    assert.deepEqual(complaints({}), []);
    assert.deepEqual(complaints({ license: null, source: null }), []);
    assert.match(complaints({ license: null }).join(), /licence unknown/);
    assert.match(complaints({ license: 'GPL-2.0' }).join(), /GPL-2.0/);
  });
});
