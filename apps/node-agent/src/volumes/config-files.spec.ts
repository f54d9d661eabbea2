import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { CONFIG_MAP, configFiles, SECRET } from './config-files.js';

const MODE = 0o644;
const map: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {},
  data: { a: 'one' },
  binaryData: { b: 'Mg==' },
};
const secret: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { a: 'b25l' } };

const texts = (files: ReturnType<typeof configFiles>) =>
  Object.fromEntries([...files].map(([path, { data, mode }]) => [path, `${data} ${mode.toString(8)}`]));

describe('files of a ConfigMap or Secret', () => {
  test('are all its keys when none is named', () => {
    assert.deepEqual(texts(configFiles(CONFIG_MAP, map, { defaultMode: MODE })), { a: 'one 644', b: '2 644' });
    assert.deepEqual(texts(configFiles(SECRET, secret, { defaultMode: MODE })), { a: 'one 644' });
    assert.deepEqual(texts(configFiles(SECRET, undefined, { defaultMode: MODE })), {});
  });

  test('are the keys that are named, each with its own path and mode', () => {
    const items = [{ key: 'a', path: 'x/y', mode: 0o400 }];
    assert.deepEqual(texts(configFiles(CONFIG_MAP, map, { items, defaultMode: MODE })), { 'x/y': 'one 400' });
  });

  test('cannot be made of a key that is not there, unless it is optional', () => {
    const items = [{ key: 'c', path: 'c' }];
    const make = (kind: typeof SECRET, optional?: boolean) =>
      configFiles(kind, map, { items, optional, defaultMode: MODE });
    assert.throws(() => make(CONFIG_MAP), { message: 'configmap references non-existent config key: c' });
    assert.throws(() => make(SECRET), { message: 'secret references non-existent secret key: c' });
    assert.deepEqual(texts(make(CONFIG_MAP, true)), {});
  });
});
