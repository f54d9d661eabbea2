import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parse } from 'yaml';
import { mergeKubeconfig, unmergeKubeconfig } from './kubeconfig-file.js';

const own = `apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: "https://127.0.0.1:6443"}}]
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
  assert.equal(unmergeKubeconfig(target), true);
  assert.deepEqual(parse(readFileSync(target, 'utf8')), parse(theirs));
  assert.equal(unmergeKubeconfig(target), false);
});

test('a broken file is left alone', () => {
  const target = join(dir, 'config');
  writeFileSync(target, 'clusters: [');
  assert.throws(() => mergeKubeconfig(join(dir, 'own'), target), /was left alone/);
  assert.equal(readFileSync(target, 'utf8'), 'clusters: [');
});
