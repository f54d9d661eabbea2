import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { normalizeImage, splitRepository } from './image-name.js';
import { credentialsFor } from './pull-secrets.js';

const secret = (auths: Record<string, object>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {},
  data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
});
const auth = (user: string) => ({ auth: Buffer.from(`${user}:secret`).toString('base64') });
const users = (image: string, ...secrets: KubeObject[]) =>
  credentialsFor(image, secrets).map(({ username }) => username);

test('the registry must match, the longest path comes first', () => {
  const all = secret({
    'registry.example.com': auth('host'),
    'registry.example.com/team': auth('team'),
    'other.example.com': auth('other'),
  });
  assert.deepEqual(users('registry.example.com/team/app:1', all), ['team', 'host']);
  assert.deepEqual(users('registry.example.com/app:1', all), ['host']);
  assert.deepEqual(users('registry.example.com:5000/app:1', all), []);
});

test('wildcards stand for one label, and Docker Hub has its old names', () => {
  assert.deepEqual(users('a.example.com/x', secret({ '*.example.com': auth('any') })), ['any']);
  assert.deepEqual(users('a.b.example.com/x', secret({ '*.example.com': auth('any') })), []);
  assert.deepEqual(users('nginx', secret({ 'https://index.docker.io/v1/': auth('hub') })), ['hub']);
});

test('a broken secret gives nothing', () => {
  const broken = { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { '.dockerconfigjson': 'e30x' } };
  assert.deepEqual(credentialsFor('nginx', [broken]), []);
});

test('names of images', () => {
  assert.equal(normalizeImage('nginx'), 'nginx:latest');
  assert.equal(normalizeImage('localhost:5000/a/b:1'), 'localhost:5000/a/b:1');
  assert.equal(normalizeImage(`a@sha256:${'0'.repeat(64)}`), `a@sha256:${'0'.repeat(64)}`);
  for (const bad of ['', 'Upper', 'case/UPPER', 'a b', 'a@sha256:1', 'a:t:u', '-a'])
    assert.equal(normalizeImage(bad), undefined, bad);
  assert.deepEqual(splitRepository('nginx:1'), { host: 'docker.io', path: 'library/nginx' });
  assert.deepEqual(splitRepository('localhost:5000/a/b:1'), { host: 'localhost:5000', path: 'a/b' });
});
