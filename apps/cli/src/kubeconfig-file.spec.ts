import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { mergeKubeconfig, unmergeKubeconfig } from './kubeconfig-file.js';

const own = `apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: b3du}}]
users: [{name: admin, user: {token: t}}]
contexts: [{name: admin@kubernetes, context: {cluster: kubernetes, user: admin}}]
current-context: admin@kubernetes
`;
const theirs = `# my clusters
apiVersion: v1
kind: Config
clusters:
- name: work
  cluster: {server: "https://work.example"}
users:
- name: me
  user: {token: secret}
contexts:
- name: work
  context: {cluster: work, user: me}
current-context: work
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'berth-kubeconfig-'));
  writeFileSync(join(dir, 'own'), own);
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a new file has our context as the current one, and is private', () => {
  const target = join(dir, 'new', 'config');
  mergeKubeconfig(join(dir, 'own'), target);
  const config = parse(readFileSync(target, 'utf8'));
  assert.equal(config['current-context'], 'berth');
  assert.deepEqual(config.contexts, [{ name: 'berth', context: { cluster: 'berth', user: 'berth' } }]);
  assert.equal(statSync(target).mode & 0o777, 0o600);
});

test('merging twice and taking out again leaves the file as it was', () => {
  const target = join(dir, 'config');
  writeFileSync(target, theirs);
  mergeKubeconfig(join(dir, 'own'), target);
  mergeKubeconfig(join(dir, 'own'), target);
  const merged = parse(readFileSync(target, 'utf8'));
  assert.deepEqual(
    merged.clusters.map((cluster: { name: string }) => cluster.name),
    ['work', 'berth'],
  );
  assert.equal(merged['current-context'], 'work', 'the current context is not taken over');
  assert.ok(readFileSync(target, 'utf8').includes('# my clusters'));
  assert.equal(unmergeKubeconfig(join(dir, 'own'), target), true);
  assert.deepEqual(parse(readFileSync(target, 'utf8')), parse(theirs));
  assert.equal(unmergeKubeconfig(join(dir, 'own'), target), false);
});

test('a broken file is not changed', () => {
  const target = join(dir, 'config');
  writeFileSync(target, 'clusters: [');
  assert.throws(() => mergeKubeconfig(join(dir, 'own'), target), /was not changed/);
  assert.equal(readFileSync(target, 'utf8'), 'clusters: [');
});

test('a link stays a link, and the file behind it keeps its mode', () => {
  const [target, file] = [join(dir, 'config'), join(dir, 'dotfiles')];
  writeFileSync(file, theirs, { mode: 0o640 });
  symlinkSync(file, target);
  mergeKubeconfig(join(dir, 'own'), target);
  assert.ok(lstatSync(target).isSymbolicLink());
  assert.equal(statSync(file).mode & 0o777, 0o640);
  assert.equal(parse(readFileSync(file, 'utf8')).contexts.length, 2);
  unmergeKubeconfig(join(dir, 'own'), target);
  assert.ok(lstatSync(target).isSymbolicLink());
});

test('the entries of another Berth are not taken out', () => {
  const target = join(dir, 'config');
  writeFileSync(join(dir, 'other'), own.replace('b3du', 'b3RoZXI='));
  mergeKubeconfig(join(dir, 'other'), target);
  const before = readFileSync(target, 'utf8');
  assert.equal(unmergeKubeconfig(join(dir, 'own'), target), false);
  assert.equal(readFileSync(target, 'utf8'), before);
  assert.equal(unmergeKubeconfig(join(dir, 'other'), target), true);
});

for (const [what, text] of [
  ['an empty file', ''],
  ['a file of comments', '# nothing yet\n'],
  ['JSON', '{"apiVersion": "v1", "kind": "Config", "clusters": null, "users": [], "contexts": []}'],
] as const) {
  test(`${what} can be merged into`, () => {
    const target = join(dir, 'config');
    writeFileSync(target, text);
    mergeKubeconfig(join(dir, 'own'), target);
    const config = parse(readFileSync(target, 'utf8'));
    assert.deepEqual([config.clusters.length, config.users.length, config.contexts.length], [1, 1, 1]);
    assert.equal(config['current-context'], 'berth');
  });
}

test('a file that is not a kubeconfig is not changed', () => {
  const target = join(dir, 'config');
  writeFileSync(target, '- a list\n');
  assert.throws(() => mergeKubeconfig(join(dir, 'own'), target), /is not a kubeconfig and was not changed/);
  assert.equal(readFileSync(target, 'utf8'), '- a list\n');
  mkdirSync(join(dir, 'folder'));
  assert.throws(() => mergeKubeconfig(join(dir, 'own'), join(dir, 'folder')), /EISDIR/);
});
