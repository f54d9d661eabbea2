import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { CONFIG_MAP, configFiles, SECRET } from '../volumes/config-files.js';
import { buildEnvironment, type EnvironmentInput } from './environment.js';

/** Members of every object: a pod that refers to one gets it when it was written, and else an error. */
const NAMES = Object.getOwnPropertyNames(Object.prototype);
const text = (encode: (value: string) => string) =>
  Object.fromEntries(NAMES.map((name) => [name, encode(`of ${name}`)]));
const data = text((value) => value);
const base64 = text((value) => Buffer.from(value).toString('base64'));
const object = (kind: string, content: object): KubeObject => ({ apiVersion: 'v1', kind, metadata: {}, data: content });

function environment(container: Parameters<typeof aContainer>[1], full: boolean): Promise<Map<string, string>> {
  const pod = aPod({ enableServiceLinks: false }, {}, full ? { labels: { ...data }, annotations: { ...data } } : {});
  const input: EnvironmentInput = {
    pod,
    podIPs: ['10.0.0.9'],
    hostIPs: ['192.0.2.1'],
    nodeName: 'node-1',
    nodeAllocatable: { cpu: '4', memory: '8Gi' },
    container: aContainer('main', container),
    source: {
      configMap: async () => object('ConfigMap', full ? data : {}),
      secret: async () => object('Secret', full ? base64 : {}),
    },
    services: [],
    masterService: undefined,
  };
  return buildEnvironment(input);
}

describe('names that every object inherits', () => {
  for (const key of NAMES) {
    const references: [what: string, valueFrom: object][] = [
      ['a ConfigMap', { configMapKeyRef: { name: 'x', key } }],
      ['a Secret', { secretKeyRef: { name: 'x', key } }],
      ['labels', { fieldRef: { fieldPath: `metadata.labels['${key}']` } }],
      ['annotations', { fieldRef: { fieldPath: `metadata.annotations['${key}']` } }],
    ];
    for (const [what, valueFrom] of references) {
      test(`${key} of ${what} is a variable's value where it was written`, async () => {
        const env = [{ name: 'A', valueFrom }];
        assert.equal((await environment({ env }, true)).get('A'), `of ${key}`);
        if ('fieldRef' in valueFrom) assert.equal((await environment({ env }, false)).get('A'), '');
        else await assert.rejects(environment({ env }, false), { message: new RegExp(`couldn't find key ${key} in`) });
      });
    }
  }

  test('are variables and may be referred to', async () => {
    const env = [
      { name: 'A', value: '$(constructor)|$(toString)|$(__proto__)' },
      ...NAMES.map((name) => ({ name, value: `of ${name}` })),
      { name: 'B', value: '$(constructor)|$(toString)|$(__proto__)' },
    ];
    const result = await environment({ env }, false);
    assert.equal(result.get('A'), '$(constructor)|$(toString)|$(__proto__)');
    assert.equal(result.get('B'), 'of constructor|of toString|of __proto__');
    for (const name of NAMES) assert.equal(result.get(name), `of ${name}`);
  });

  test('come from whole ConfigMaps and Secrets', async () => {
    for (const source of [{ configMapRef: { name: 'x' } }, { secretRef: { name: 'x' } }]) {
      const result = await environment({ envFrom: [source] }, true);
      for (const name of NAMES) assert.equal(result.get(name), `of ${name}`, name);
      const none = await environment({ envFrom: [source] }, false);
      for (const name of NAMES) assert.equal(none.get(name), undefined, name);
    }
  });

  test('are files of volumes', () => {
    const map = object('ConfigMap', data);
    const payloads = [
      configFiles(CONFIG_MAP, map, { defaultMode: 0o644 }),
      configFiles(SECRET, object('Secret', base64), { defaultMode: 0o644 }),
    ];
    for (const payload of payloads) {
      for (const name of NAMES) assert.equal(payload.get(name)?.data.toString(), `of ${name}`);
    }
    const items = [{ key: 'constructor', path: '__proto__' }];
    assert.throws(
      () => configFiles(CONFIG_MAP, undefined, { items, defaultMode: 0o644 }),
      /configmap references non-existent config key: constructor/,
    );
    const picked = configFiles(CONFIG_MAP, map, { items, defaultMode: 0o644 });
    assert.deepEqual(
      [...picked].map(([path, { data: bytes }]) => [path, bytes.toString()]),
      [['__proto__', 'of constructor']],
    );
  });
});
