import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortened } from './mounter.js';

test('layers are named from the folder that they share', () => {
  const options = ['index=off', 'lowerdir=/data/snapshots/12/fs:/data/snapshots/3/fs', 'ro'];
  assert.deepEqual(shortened({ type: 'overlay', source: 'overlay', options }), {
    source: 'overlay',
    options: ['index=off', 'lowerdir=12/fs:3/fs', 'ro'],
    directory: '/data/snapshots',
  });
});

test('layers that share nothing but the root, and neighbours, keep names that lead to them', () => {
  const of = (lower: string) => shortened({ type: 'overlay', source: 'overlay', options: [`lowerdir=${lower}`] });
  assert.deepEqual(of('/a/1:/b/2'), { source: 'overlay', options: ['lowerdir=a/1:b/2'], directory: '/' });
  assert.deepEqual(of('/a/1:/a/2'), { source: 'overlay', options: ['lowerdir=1:2'], directory: '/a' });
});

test('a bind mount stays as it is', () => {
  const spec = { type: 'bind', source: '/data/snapshots/1/fs', options: ['ro', 'rbind'] };
  assert.deepEqual(shortened(spec), { source: spec.source, options: spec.options, directory: '/' });
});
