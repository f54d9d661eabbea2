// Compares the tables of ARCHITECTURE.md with the tree and with the import rules, so that the page cannot grow old.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentFloors, allowed, apiFolders } from './dependency-rules.mjs';

/** Order of what stands on everything else: it has no rule of its own. */
const COMPOSES = 'modules';
/** Folders of an app that have no place in its order: tests, and a program of its own. */
const APART = new Set(['testing', 'hollow']);
const KINDS_OF_FOLDERS = ['libs', 'apps', 'native', 'test'];

/** @returns what is wrong, one line each. */
export function architectureProblems(root, page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')) {
  const layout = rowsAfter(page, '| folder | contents | may import |');
  const api = rowsAfter(page, '| folder | contents |\n');
  const problems = [];
  const expect = (what, is, wanted) => {
    const difference = is.filter((one) => !wanted.includes(one)).map((one) => `${one} is too much`);
    difference.push(...wanted.filter((one) => !is.includes(one)).map((one) => `${one} is missing`));
    if (difference.length > 0) problems.push(`ARCHITECTURE.md, ${what}: ${difference.join(', ')}`);
  };
  const places = layout.flatMap(([folders]) => pathsIn(folders));
  const there = KINDS_OF_FOLDERS.flatMap((kind) => foldersOf(join(root, kind)).map((name) => `${kind}/${name}`));
  expect('table of folders', places, there);
  for (const [folders, , imports = ''] of layout) {
    const [path] = pathsIn(folders);
    const says = namesIn(imports);
    const library = path?.startsWith('libs/') ? allowed[path.slice('libs/'.length)] : undefined;
    if (library !== undefined) expect(path, says, [...library]);
    if (path?.startsWith('native/')) {
      const native = join(root, 'native');
      const crates = pathsIn(folders).flatMap((crate) => ownCrates(native, crate.slice('native/'.length)));
      expect(folders, says, [...new Set(crates)]);
    }
  }
  const order = [...apiFolders, COMPOSES];
  const rows = api.flatMap(([folders]) => pathsIn(folders));
  if (rows.join() !== order.join()) {
    problems.push(`ARCHITECTURE.md, folders of apps/api/src: the order is ${order.join(', ')}, not ${rows.join(', ')}`);
  }
  const ordered = (app) => foldersOf(join(root, app)).filter((name) => !APART.has(name));
  expect('folders of apps/api/src', order, ordered('apps/api/src'));
  expect('folders of apps/node-agent/src in dependency-rules.mjs', agentFloors.flat(), ordered('apps/node-agent/src'));
  return problems;
}

/** Cells of the table with this head. Throws where there is none: a check that reads nothing finds nothing. */
function rowsAfter(page, head) {
  const at = page.indexOf(head);
  if (at < 0) throw new Error(`ARCHITECTURE.md has no table ${head.trim()}`);
  const [, , ...lines] = page.slice(at).split('\n\n', 1)[0].trim().split('\n');
  return lines.map((line) =>
    line
      .replace(/^\||\|$/g, '')
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

/** What stands in code: `native/{a,b}` are two paths, a glob or a file is none. */
function pathsIn(cell) {
  return [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, text]) => {
    const [, before, names, after] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(text) ?? [];
    return names === undefined ? [text] : names.split(',').map((name) => `${before}${name}${after}`);
  });
}

/** Packages of ours that a row lets its folder import; what stands in brackets is a remark. */
function namesIn(cell) {
  if (cell === 'no package of ours') return [];
  return cell
    .replace(/\([^)]*\)/g, '')
    .split(',')
    .map((name) => name.trim().replace(/`/g, ''))
    .filter((name) => name !== '');
}

/** Crates of ours that a crate depends on, also for its tests. */
function ownCrates(native, name) {
  const manifest = readFileSync(join(native, name, 'Cargo.toml'), 'utf8');
  const used = [...manifest.matchAll(/^([\w-]+)(?:\.workspace)? *=/gm)].map(([, dependency]) => dependency);
  return foldersOf(native).filter((crate) => crate !== name && used.includes(crate));
}

function foldersOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}
