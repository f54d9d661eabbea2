import assert from 'node:assert/strict';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { type TestServer, testServer } from '#testing';

/** Each key's list is twice as long as that of the one before. */
const bomb = [...'abcdefghijklmnopqrstu']
  .map((key, i, keys) => (i === 0 ? 'a: &a [x, x]' : `${key}: &${key} [*${keys[i - 1]}, *${keys[i - 1]}]`))
  .join('\n');

const deep = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"x":${'['.repeat(9000)}${']'.repeat(9000)}}`;

describe('bodies that nobody sends in earnest', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  const cases: [what: string, type: string, body: string, message: RegExp][] = [
    ['an alias of nothing', 'yaml', 'a: *b', /error converting YAML to JSON: yaml: \S/],
    [
      'a circle',
      'yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: y, annotations: *m}',
      /error converting YAML to JSON: yaml: \S/,
    ],
    ['aliases that multiply', 'yaml', bomb, /error converting YAML to JSON: yaml: \S/],
    ['thousands of levels', 'json', deep, /exceeded max depth/],
  ];
  for (const [what, type, body, message] of cases) {
    test(`${what}: 400`, async () => {
      const { ca, cert, key } = server.tls;
      const answer = await new Promise<{ code: number; status: any }>((resolve, reject) => {
        const headers = { 'Content-Type': `application/${type}`, 'Content-Length': Buffer.byteLength(body) };
        const path = `${server.url}/api/v1/namespaces/default/configmaps`;
        const call = request(path, { method: 'POST', ca, cert, key, agent: false, headers }, async (response) => {
          resolve({ code: response.statusCode!, status: JSON.parse(await text(response)) });
        });
        call.on('error', reject);
        call.end(body);
      });
      assert.equal(answer.code, 400, answer.status.message);
      assert.match(answer.status.message, message);
    });
  }
});
