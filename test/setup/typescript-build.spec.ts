import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';

interface Plan {
  emit: string[];
  remove: string[];
}
const {
  buildTypeScript,
  planBuild,
}: {
  buildTypeScript(root: string): Promise<Plan>;
  planBuild(before: Record<string, string>, now: Map<string, string>, isThere: (output: string) => boolean): Plan;
} = await import(pathToFileURL(join(installation, 'scripts/typescript-build.mjs')).href);

describe('What a build emits', () => {
  const all = () => true;
  const rows: [title: string, before: Record<string, string>, now: Record<string, string>, plan: Plan][] = [
    ['nothing, when nothing changed', { 'apps/a.ts': '1' }, { 'apps/a.ts': '1' }, { emit: [], remove: [] }],
    [
      'what changed',
      { 'apps/a.ts': '1', 'b.ts': '1' },
      { 'apps/a.ts': '2', 'b.ts': '1' },
      { emit: ['apps/a.ts'], remove: [] },
    ],
    ['what is new', {}, { 'apps/a.json': '1' }, { emit: ['apps/a.json'], remove: [] }],
    [
      'not what is gone',
      { 'apps/a.ts': '1', 'b.txt': '1' },
      {},
      { emit: [], remove: ['apps/a.js', 'apps/a.js.map', 'b.txt'] },
    ],
    ['a file by the name of a property of objects', {}, { constructor: '1' }, { emit: ['constructor'], remove: [] }],
  ];
  for (const [title, before, now, plan] of rows) {
    it(title, () => assert.deepEqual(planBuild(before, new Map(Object.entries(now)), all), plan));
  }

  it('what is missing in dist', () => {
    const now = new Map([['apps/a.ts', '1']]);
    const plan = planBuild({ 'apps/a.ts': '1' }, now, (output) => output !== 'apps/a.js.map');
    assert.deepEqual(plan.emit, ['apps/a.ts']);
  });
});

describe('A build', () => {
  let root: string;
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  };
  const dist = (file: string) => readFileSync(join(root, 'dist', file), 'utf8');

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'berth-build-'));
    copyFileSync(join(installation, '.swcrc'), join(root, '.swcrc'));
    write('package.json', '{}');
    write('apps/a/one.ts', 'export const one: number = 1;\n');
    write('apps/a/two.ts', 'export const two: number = 2;\n');
    write('libs/facts.json', '{"three":3}');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('emits scripts with their source maps, and copies the rest', async () => {
    assert.equal((await buildTypeScript(root)).emit.length, 3);
    assert.match(dist('apps/a/one.js'), /^export const one = 1;\n.*\n\/\/# sourceMappingURL=one\.js\.map$/s);
    assert.deepEqual(JSON.parse(dist('apps/a/one.js.map')).sources, ['../../../apps/a/one.ts']);
    assert.equal(dist('libs/facts.json'), '{"three":3}');
  });

  it('emits only what changed, and has another id then', async () => {
    await buildTypeScript(root);
    const id = dist('build-id');
    assert.deepEqual(await buildTypeScript(root), { emit: [], remove: [] });
    assert.equal(dist('build-id'), id);
    write('apps/a/one.ts', 'export const one: number = 11;\n');
    assert.deepEqual((await buildTypeScript(root)).emit, ['apps/a/one.ts']);
    assert.match(dist('apps/a/one.js'), /one = 11/);
    assert.notEqual(dist('build-id'), id);
  });

  it('removes what has no source any more', async () => {
    await buildTypeScript(root);
    rmSync(join(root, 'apps/a/two.ts'));
    assert.deepEqual((await buildTypeScript(root)).remove, ['apps/a/two.js', 'apps/a/two.js.map']);
    assert.equal(existsSync(join(root, 'dist/apps/a/two.js')), false);
  });

  it('removes what could not be emitted at the end', async () => {
    await buildTypeScript(root);
    write('apps/a/two.ts', 'export const = ;\n');
    await assert.rejects(buildTypeScript(root));
    rmSync(join(root, 'apps/a/two.ts'));
    assert.deepEqual((await buildTypeScript(root)).remove, ['apps/a/two.js', 'apps/a/two.js.map']);
  });

  it('emits everything when it is to be emitted otherwise', async () => {
    await buildTypeScript(root);
    write('package.json', '{"version":"2"}');
    assert.equal((await buildTypeScript(root)).emit.length, 3);
  });

  it('names the file that cannot be emitted, emits the others, and tries it again', async () => {
    await buildTypeScript(root);
    const id = dist('build-id');
    write('apps/a/one.ts', 'export const = ;\n');
    write('apps/a/two.ts', 'export const two = 22;\n');
    await assert.rejects(buildTypeScript(root), (error: Error) => {
      assert.match(error.message, /^apps\/a\/one\.ts: .*Unexpected token `=`/);
      assert.doesNotMatch(error.message, /Caused by|backtrace/);
      return true;
    });
    assert.match(dist('apps/a/two.js'), /two = 22/);
    assert.equal(dist('build-id'), id);
    write('apps/a/one.ts', 'export const one = 111;\n');
    assert.deepEqual((await buildTypeScript(root)).emit, ['apps/a/one.ts']);
    assert.notEqual(dist('build-id'), id);
  });
});
