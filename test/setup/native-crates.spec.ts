import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

const {
  builtFrom,
  crateId,
  crates,
  programsOf,
}: {
  builtFrom(crate: string, manifest?: (crate: string) => string): string[];
  crateId(crate: string): string;
  crates(): string[];
  programsOf(crate: string): string[];
} = await import(pathToFileURL(join(installation, 'scripts/native-crates.mjs')).href);

describe('What a crate is built from', () => {
  const manifests: Record<string, string> = {
    net: '[dependencies]\nguard = { workspace = true, optional = true }\nxtables.workspace = true\nserde.workspace = true\n',
    xtables: '[dependencies]\nguard.workspace = true\n',
    guard: '[dependencies]\nlibc = "0.2"\n',
    dns: '[dependencies]\ntokio = { workspace = true }\n',
  };
  const rows: [crate: string, parts: string[]][] = [
    ['dns', ['dns']],
    ['guard', ['guard']],
    ['xtables', ['guard', 'xtables']],
    ['net', ['guard', 'net', 'xtables']],
  ];
  for (const [crate, parts] of rows) {
    it(`${crate}: ${parts.join(', ')}`, () =>
      assert.deepEqual(
        builtFrom(crate, (name) => manifests[name]!),
        parts,
      )); // own-lookup: names of the rows
  }

  it('is told by an id of its own, which stays while nothing changes', () => {
    const ids = crates().map(crateId);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(crates().map(crateId), ids);
  });
});

test('the programs of a crate are found by its manifest', () => {
  assert.deepEqual(programsOf('pause'), ['berth-pause']);
  assert.deepEqual(programsOf('guard'), []);
});
