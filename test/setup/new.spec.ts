import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installation } from '#host';
import { testUnless } from '#testing';

const { plan } = await import(pathToFileURL(join(installation, 'scripts', 'new.mjs')).href);

const asked = [
  ['kind', 'v1/Binding'],
  ['controller', 'apps/replica-census', 'replicasets'],
  ['admission', 'DenyNamedPods'],
  ['scheduler-plugin', 'NodeColor'],
  ['verb', 'where-is'],
];
const made: { files: Record<string, string>; steps: string[] }[] = asked.map((args) => plan(args));
const files = new Map(made.flatMap((item) => Object.entries(item.files)));

describe('npm run new', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-new-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('makes files with a test each, and says what comes next', () => {
    for (const [i, { files, steps }] of made.entries()) {
      const tested = Object.entries(files).some(
        ([path, text]) => path.endsWith('.spec.ts') || text.includes('#[test]'),
      );
      assert.ok(tested, asked[i]!.join(' '));
      assert.match(steps.join('\n'), /npm test/);
      assert.doesNotMatch(Object.values(files).join('\n'), /TODO/);
    }
    assert.ok(files.has('libs/kinds/src/core/v1/binding/binding.kind.ts'));
    assert.ok(files.has('native/sched-core/src/plugins/node_color.rs'));
  });

  test('what it makes passes the type check', () => {
    const ts = createRequire(import.meta.url)('typescript');
    const made = new Map([...files].map(([path, text]) => [join(installation, path), text]));
    const configPath = join(installation, 'tsconfig.json');
    const { options } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(configPath, ts.sys.readFile).config,
      ts.sys,
      installation,
    );
    const host = ts.createCompilerHost(options);
    const { fileExists, directoryExists, readFile, getSourceFile } = host;
    const folders = new Set([...made.keys()].map(dirname));
    host.directoryExists = (path: string) => folders.has(path) || directoryExists(path);
    host.fileExists = (path: string) => made.has(path) || fileExists(path);
    host.readFile = (path: string) => made.get(path) ?? readFile(path);
    host.getSourceFile = (path: string, ...rest: unknown[]) => {
      const text = made.get(path);
      return text === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, text, ...rest);
    };
    const paths = [...made.keys()].filter((path) => path.endsWith('.ts'));
    const program = ts.createProgram(paths, options, host);
    const problems = paths.flatMap((path) => {
      const file = program.getSourceFile(path);
      return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
        ({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      );
    });
    assert.deepEqual(problems, []);
  });

  test('what it makes is formatted, and passes the linter', () => {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    for (const name of ['biome.json', 'scripts/private-members.grit']) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), readFileSync(join(installation, name)));
    }
    const biome = join(installation, 'node_modules', '.bin', 'biome');
    const run = spawnSync(biome, ['check', '.'], { cwd: folder, encoding: 'utf8' });
    assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
    assert.match(
      `${run.stdout}${run.stderr}`,
      new RegExp(`Checked ${[...files.keys()].filter((path) => path.endsWith('.ts')).length + 2} files`),
    );
  });

  test('a new scheduler plugin sets every member of Plugin', () => {
    const registry = readFileSync(join(installation, 'native/sched-core/src/plugins/mod.rs'), 'utf8');
    const [, declared] = /pub struct Plugin \{\n(.*?)\n\}/s.exec(registry)!;
    const [, set] = /: Plugin = Plugin \{\n(.*?)\n\};/s.exec(
      files.get('native/sched-core/src/plugins/node_color.rs')!,
    )!;
    const members = [...declared!.matchAll(/^ {4}pub (\w+):/gm)].map((match) => match[1]);
    assert.ok(members.length > 5, members.join(', '));
    assert.deepEqual(
      [...set!.matchAll(/^ {4}(\w+):/gm)].map((match) => match[1]),
      members,
    );
  });

  const lacking = spawnSync('rustfmt', ['--version']).error && 'rustfmt is not installed';
  testUnless(lacking, 'what it makes in Rust is formatted', () => {
    const sources = [...files].filter(([path]) => path.endsWith('.rs'));
    for (const [path, text] of sources) {
      const run = spawnSync('rustfmt', ['--edition', '2024', '--check'], {
        cwd: installation,
        input: text,
        encoding: 'utf8',
      });
      assert.equal(run.status, 0, `${path}: ${run.stdout}${run.stderr}`);
    }
    assert.equal(sources.length, 1);
  });

  const wrong: [args: string[], message: RegExp][] = [
    [[], /must be one of kind, controller, admission, scheduler-plugin, verb/],
    [['pod'], /"pod": must be one of/],
    [['kind', 'v1/Cat'], /"v1\/Cat": the facts have no such kind/],
    [['controller', 'apps', 'pods'], /"apps": must be a folder of libs\/controllers\/src and a name/],
    [['controller', 'apps/Census', 'pods'], /name "Census": must be lower-case words/],
    [['controller', 'apps/census', 'cats'], /"cats": the facts have no such resource/],
    [['admission', 'deny-pods'], /name "deny-pods": must be words with capitals/],
    [['scheduler-plugin', '../x'], /name "..\/x": must be words with capitals/],
    [['verb', 'Up'], /name "Up": must be lower-case words/],
  ];
  for (const [args, message] of wrong) {
    test(`refuses ${JSON.stringify(args)}`, () => assert.throws(() => plan(args), { message }));
  }
});
