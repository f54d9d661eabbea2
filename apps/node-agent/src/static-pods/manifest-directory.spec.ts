import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#client';
import type { Pod } from '../pod/pod-types.js';
import { ManifestDirectory } from './manifest-directory.js';

const manifest = (name: string, image = 'a:1') =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'main', image }] },
  });

describe('The folder of static pods', () => {
  const root = mkdtempSync(join(tmpdir(), 'berth-manifests-'));
  const directory = join(root, 'manifests');
  const stop = new AbortController();
  const warnings: string[] = [];
  let pods: Pod[] = [];
  const write = (file: string, text: string) => writeFileSync(join(directory, file), text);
  const names = () => pods.map(({ metadata }) => metadata.name);
  const until = async (expected: string[]) => {
    for (let i = 0; i < 200 && String(names()) !== String(expected); i++) await sleep(20);
    assert.deepEqual(names(), expected);
  };

  before(async () => {
    mkdirSync(directory);
    write('a.json', manifest('one'));
    write('b.json', manifest('one', 'other:1'));
    write('c.yaml', 'apiVersion: v1\nkind: Pod');
    write('.hidden.json', manifest('hidden'));
    mkdirSync(join(directory, 'folder'));
    const logger = { warn: (message: string) => void warnings.push(message), info: () => {} } as unknown as Logger;
    await new ManifestDirectory(directory, 'n1', logger, (read) => (pods = read)).start(stop.signal);
  });
  after(() => {
    stop.abort();
    rmSync(root, { recursive: true, force: true });
  });

  test('is read at once: the first of a name, no hidden file, no broken one', () => {
    assert.deepEqual(names(), ['one-n1']);
    assert.equal(pods[0]?.spec.containers[0]?.image, 'a:1');
    assert.deepEqual(warnings, [
      'two static pods of one name: the first is taken',
      `${join(directory, 'c.yaml')}: metadata.name is missing`,
    ]);
  });

  test('is followed; a pod whose text is the same is the same', async () => {
    const [before] = pods;
    write('d.json', manifest('two'));
    write('a.json', `${manifest('one')}\n`);
    await until(['one-n1', 'two-n1']);
    assert.equal(pods[0], before);
    rmSync(join(directory, 'a.json'));
    await until(['one-n1', 'two-n1']);
    for (let i = 0; i < 200 && pods[0] === before; i++) await sleep(20);
    assert.equal(pods[0]?.spec.containers[0]?.image, 'other:1');
  });

  test('tells of a broken file once', () => {
    assert.equal(warnings.filter((warning) => warning.includes('c.yaml')).length, 1);
  });
});
