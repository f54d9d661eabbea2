import assert from 'node:assert/strict';
import { SourceAnnotation } from '../pod/pod-source.js';
import { ManifestError, staticPod } from './manifest.js';

const source = { file: '/manifests/web.yaml', nodeName: 'node-1', seen: new Date('2026-01-01T00:00:00Z') };
const manifest = (spec: string, metadata = 'name: web') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {${metadata}}\nspec: {${spec}}\n`;
const web = manifest('containers: [{name: main, image: "nginx:1"}]');

describe('A static pod', () => {
  test('has the name of its node, the annotations of its source, and stays whatever happens', () => {
    const { metadata, spec, status } = staticPod(web, source);
    assert.deepEqual([metadata.name, metadata.namespace, spec.nodeName], ['web-node-1', 'default', 'node-1']);
    assert.match(metadata.uid, /^[0-9a-f]{32}$/);
    assert.deepEqual(metadata.annotations, {
      [SourceAnnotation.hash]: metadata.uid,
      [SourceAnnotation.seen]: '2026-01-01T00:00:00Z',
      [SourceAnnotation.source]: 'file',
    });
    assert.deepEqual(spec.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);
    assert.equal(status.phase, 'Pending');
  });

  test('has the defaults that the API server gives', () => {
    const { spec } = staticPod(web, source);
    const [container] = spec.containers;
    assert.deepEqual(
      [spec.restartPolicy, spec.terminationGracePeriodSeconds, container?.imagePullPolicy],
      ['Always', 30, 'IfNotPresent'],
    );
  });

  test('is another one when its text, file or node is, and the same otherwise', () => {
    const uid = (text: string, change = {}) => staticPod(text, { ...source, ...change }).metadata.uid;
    assert.equal(uid(web), uid(web, { seen: new Date(0) }));
    assert.equal(
      uid(web),
      uid(
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'web' },
          spec: { containers: [{ name: 'main', image: 'nginx:1' }] },
        }),
      ),
    );
    const all = [
      uid(web),
      uid(web.replace('nginx:1', 'nginx:2')),
      uid(web, { file: '/x' }),
      uid(web, { nodeName: 'b' }),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  const bad: [title: string, text: string, why: RegExp][] = [
    ['broken YAML', 'a: [', /^\/manifests\/web.yaml: /],
    ['no object', '- a', /: not an object$/],
    ['another kind', 'apiVersion: apps/v1\nkind: Deployment', /: not a v1 Pod$/],
    ['a pod without a name', manifest('', ''), /: metadata.name is missing$/],
    ['a value of another type', manifest('containers: 5'), /: .*containers/],
    ['an invalid pod', manifest('containers: []'), /: invalid pod: spec.containers: Required value$/],
    [
      'a pod that needs the API server',
      manifest('containers: [{name: main, image: a}], volumes: [{name: v, configMap: {name: c}}]'),
      /: static pods may not reference configmaps$/,
    ],
  ];
  for (const [title, text, message] of bad) {
    test(`is not made of ${title}`, () => {
      assert.throws(
        () => staticPod(text, source),
        (error: Error) => {
          assert.ok(error instanceof ManifestError);
          assert.match(error.message, message);
          return !error.message.includes('\n');
        },
      );
    });
  }
});
