// Emits the TypeScript of apps, libs and test to dist with swc, and copies other files there. Only what changed is emitted; what has
// no source any more is removed. dist/build-id changes with every input: `berth up` restarts the processes that run another build.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { version as swcVersion, transformFile } from '@swc/core';

export const SOURCES = ['apps', 'libs', 'test'];
/** They change how every file is emitted, or what the emitted files find. */
const SHARED = ['.swcrc', 'package.json'];

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

function sourceFiles(root) {
  return SOURCES.filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name))),
    )
    .sort();
}

const isTypeScript = (file) => file.endsWith('.ts') && !file.endsWith('.d.ts');

/** What a source becomes, relative to dist. */
function outputsOf(file) {
  if (!isTypeScript(file)) return [file];
  const script = file.replace(/\.ts$/, '.js');
  return [script, `${script}.map`];
}

/**
 * Pure: what to emit and what to remove, from the digests of the sources then and now.
 * @param {Record<string, string>} before @param {Map<string, string>} now @param {(output: string) => boolean} isThere
 */
export function planBuild(before, now, isThere) {
  const emit = [...now.keys()].filter(
    (file) => !Object.hasOwn(before, file) || before[file] !== now.get(file) || !outputsOf(file).every(isThere),
  );
  const kept = new Set([...now.keys()].flatMap(outputsOf));
  const remove = Object.keys(before)
    .flatMap(outputsOf)
    .filter((output) => !kept.has(output));
  return { emit, remove };
}

/** Whole or not at all: a process may load it at the same time. */
function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

async function emitFile(root, dist, file) {
  if (!isTypeScript(file)) {
    write(join(dist, file), readFileSync(join(root, file)));
    return;
  }
  const [script, map] = outputsOf(file).map((output) => join(dist, output));
  const source = join(root, file);
  const { code, map: mapping } = await transformFile(source, {
    cwd: root,
    configFile: join(root, '.swcrc'),
    sourceFileName: relative(dirname(script), source),
  });
  write(map, mapping);
  write(script, `${code}\n//# sourceMappingURL=${basename(map)}`);
}

/** Without the stack of the compiler. */
const messageOf = (reason) =>
  String(reason.message ?? reason)
    .split(/\n\s*\nCaused by:/)[0]
    .trimEnd();

/** Throws an Error with the messages of all files that cannot be emitted, after all others are. */
export async function buildTypeScript(root) {
  const dist = join(root, 'dist');
  const record = join(dist, 'build-files.json');
  const shared = digest([swcVersion, ...SHARED.map((name) => readFileSync(join(root, name)))].join('\0'));
  const last = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : {};
  const before = last.shared === shared ? last.files : {};
  const now = new Map(sourceFiles(root).map((file) => [file, digest(readFileSync(join(root, file)))]));
  const { emit } = planBuild(before, now, (output) => existsSync(join(dist, output)));
  const { remove } = planBuild(last.files ?? {}, now, () => true);
  if (emit.length === 0 && remove.length === 0 && existsSync(join(dist, 'build-id'))) return { emit, remove };

  for (const output of remove) rmSync(join(dist, output), { force: true });
  const results = await Promise.allSettled(emit.map((file) => emitFile(root, dist, file)));
  const failed = results.flatMap(({ reason }, index) => (reason ? [{ file: emit[index], reason }] : []));
  // No digest is empty: the next build tries them again.
  for (const { file } of failed) now.set(file, '');
  const files = Object.fromEntries(now);
  write(record, JSON.stringify({ shared, files }));
  if (failed.length > 0) {
    throw new Error(failed.map(({ file, reason }) => `${file}: ${messageOf(reason)}`).join('\n'));
  }
  write(join(dist, 'build-id'), digest(JSON.stringify([shared, files])));
  return { emit, remove };
}
