import assert from 'node:assert/strict';
import { qualifiedImage } from './image-name.js';

const digest = `sha256:${'a'.repeat(64)}`;
const cases: [written: string, full: string | undefined][] = [
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1', 'docker.io/library/nginx:1'],
  [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
  ['acme/web', 'docker.io/acme/web:latest'],
  ['localhost/web:1', 'localhost/web:1'],
  ['registry.example:5000/a/b', 'registry.example:5000/a/b:latest'],
  ['Not A Name', undefined],
];

for (const [written, full] of cases) {
  test(`${written} is ${full ?? 'no image'}`, () => assert.equal(qualifiedImage(written), full));
}
