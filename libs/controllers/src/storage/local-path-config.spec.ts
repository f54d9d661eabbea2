import assert from 'node:assert/strict';
import type { StorageClass } from '#kinds';
import { LocalPathConfig } from './local-path-config.js';

const map = (...nodePathMap: [node: string, ...paths: string[]][]) =>
  JSON.stringify({ nodePathMap: nodePathMap.map(([node, ...paths]) => ({ node, paths })) });
const OTHERS = 'DEFAULT_PATH_FOR_NON_LISTED_NODES';
const storageClass = (parameters?: Record<string, string>) => ({ parameters }) as StorageClass;

describe('The configuration of local-path', () => {
  const config = LocalPathConfig.parse(map([OTHERS, '/opt/volumes/'], ['a', '/disk1', '/disk2'], ['none']));
  const rootOf = (node: string, uid = '00000000-', parameters?: Record<string, string>) =>
    config.rootFor(node, uid, storageClass(parameters));

  it('names the folders of each node, and those of others', () => {
    assert.equal(rootOf('a'), '/disk1');
    assert.equal(rootOf('a', '00000001-'), '/disk2');
    assert.equal(rootOf('b'), '/opt/volumes');
    assert.deepEqual(config.rootsOf('a'), ['/disk1', '/disk2']);
  });

  it('gives a class the folder that it names', () => {
    assert.equal(rootOf('a', '00000000-', { nodePath: '/disk2' }), '/disk2');
    assert.throws(() => rootOf('b', '00000000-', { nodePath: '/disk2' }), {
      message: "config doesn't contain path /disk2 on node b",
    });
  });

  it('gives a node without folders no volumes', () => {
    assert.throws(() => rootOf('none'), { message: 'no local path available on node none' });
    assert.throws(() => LocalPathConfig.parse(map(['a', '/x'])).rootFor('b', '00000000-', storageClass()), {
      message: `config doesn't contain node b, and no ${OTHERS} available`,
    });
  });

  for (const [what, text, message] of [
    ['no JSON', '{', /JSON/],
    ['no object', '[]', 'it is no JSON object'],
    ['no list', '{}', 'nodePathMap is no list'],
    ['an entry without a node', '{"nodePathMap":[null]}', 'an entry of nodePathMap names no node'],
    ['an entry without paths', '{"nodePathMap":[{"node":"a"}]}', 'the paths of node a are no list'],
    ['a node twice', map(['a', '/x'], ['a', '/y']), 'duplicate node a'],
    ['a path twice', map(['a', '/x', '/x/']), 'duplicate path /x on node a'],
    ['a relative path', map(['a', 'x']), 'path must start with / for path x on node a'],
    ['a path that goes up', map(['a', '/x/../etc']), 'path /x/../etc on node a must not contain . or ..'],
    ['the root', map(['a', '//']), "cannot use root ('/') as path on node a"],
    [
      'a shared file system',
      '{"sharedFileSystemPath":"/nfs"}',
      'sharedFileSystemPath is not supported: volumes are folders of one node',
    ],
    [
      'a configuration for each class',
      '{"nodePathMap":[],"storageClassConfigs":{"a":{}}}',
      'storageClassConfigs is not supported: a class names its folder by the parameter nodePath',
    ],
  ] as const) {
    it(`is refused with ${what}`, () => assert.throws(() => LocalPathConfig.parse(text), { message }));
  }
});
