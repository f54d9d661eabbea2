import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#client';
import type { Pod } from '../pod/pod.js';
import { ManifestPath } from './manifest-path.js';

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

  beforeAll(async () => {
    mkdirSync(directory);
    write('a.json', manifest('one'));
    write('b.json', manifest('one', 'other:1'));
    write('c.yaml', 'apiVersion: v1\nkind: Pod');
    write('.hidden.json', manifest('hidden'));
    mkdirSync(join(directory, 'folder'));
    const logger = { warn: (message: string) => void warnings.push(message), info: () => {} } as unknown as Logger;
    await new ManifestPath(directory, 'n1', logger, (read) => (pods = read)).start(stop.signal);
  });
  afterAll(() => {
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

describe('A single file of a static pod', () => {
  const root = mkdtempSync(join(tmpdir(), 'berth-manifest-'));
  const file = join(root, 'pod.json');
  const stop = new AbortController();
  const warnings: string[] = [];
  const reads: string[][] = [];
  const logger = { warn: (message: string) => void warnings.push(message), info: () => {} } as unknown as Logger;
  const follow = (path: string) =>
    new ManifestPath(path, 'n1', logger, (pods) => {
      reads.push(pods.map(({ spec }) => spec.containers[0]!.image!));
    }).start(stop.signal);
  const until = async (holds: () => boolean) => {
    for (let i = 0; i < 300 && !holds(); i++) await sleep(20);
    assert.ok(holds(), JSON.stringify({ reads, warnings }));
  };
  const put = (text: string) => {
    writeFileSync(join(root, 'new'), text);
    renameSync(join(root, 'new'), file);
  };

  beforeAll(async () => {
    put(manifest('one'));
    await follow(file);
  });
  afterAll(() => {
    stop.abort();
    rmSync(root, { recursive: true, force: true });
  });

  test('is read at once, alone, and followed when another is put in its place', async () => {
    assert.deepEqual(reads, [['a:1']]);
    writeFileSync(join(root, 'other.json'), manifest('two', 'other:1'));
    for (const image of ['a:2', 'a:3']) {
      put(manifest('one', image));
      await until(() => reads.at(-1)?.[0] === image);
    }
    assert.ok(reads.every((images) => images.length === 1 && images[0] !== 'other:1'));
  });

  test('leaves its pod as it is while it is broken, and takes it along when it goes', async () => {
    put('{');
    await until(() => warnings.length === 1);
    assert.ok(warnings[0]!.startsWith(`${file}: `));
    assert.deepEqual(reads.at(-1), ['a:3']);
    rmSync(file);
    await until(() => reads.at(-1)?.length === 0);
    put(manifest('one', 'a:4'));
    await until(() => reads.at(-1)?.[0] === 'a:4');
  });

  test('a path that is neither file nor folder is told of once, and changes nothing', async () => {
    const before = [reads.length, warnings.length] as const;
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await follow(pipe);
    utimesSync(pipe, 0, 0);
    await sleep(500);
    assert.deepEqual(warnings.slice(before[1]), [`${pipe}: path is not a directory or file`]);
    assert.equal(reads.length, before[0]);
  });
});
