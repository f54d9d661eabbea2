import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, request, type TestServer, testServer, WatchReader } from '#testing';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

/** supertest sends no empty type. */
const send = (contentType: string) => (contentType === '' ? call : request);

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server.client().create(gvr.configmaps, 'default', configMap('small'));
  await server.client().create(gvr.configmaps, 'default', configMap('big', { text: 'x'.repeat(200_000) }));
});
afterAll(() => server.close());

describe('what a client sends', () => {
  const CASES: [contentType: string, code: number][] = [
    [JSON_TYPE, 201],
    ['application/json; charset=utf-8', 201],
    ['application/json;charset=UTF-8', 201],
    ['Application/JSON', 201],
    [YAML_TYPE, 201],
    ['application/yaml; charset=utf-8', 201],
    ['', 201],
    [PROTOBUF, 400],
    ['application/x-yaml', 415],
    ['application/cbor', 415],
    ['text/plain', 415],
    ['application/merge-patch+json', 415],
    ['multipart/form-data; boundary=x', 415],
    ['json', 415],
  ];
  for (const [contentType, code] of CASES) {
    test(`${contentType || 'no type'}: ${code}`, async () => {
      const headers = { 'Content-Type': contentType };
      const body = JSON.stringify(configMap('sent'));
      const answer = await send(contentType)(server, `${CONFIG_MAPS}?dryRun=All`, { method: 'POST', headers, body });
      assert.equal(answer.code, code, answer.body.toString());
      if (code !== 415) return;
      assert.equal(answer.json.reason, 'UnsupportedMediaType');
      assert.match(
        answer.json.message,
        /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml, /,
      );
    });
  }

  for (const contentType of ['', JSON_TYPE, YAML_TYPE, PROTOBUF, 'application/x-patch']) {
    test(`a patch as ${contentType || 'nothing'}: 415`, async () => {
      const headers = { 'Content-Type': contentType };
      const answer = await send(contentType)(server, `${CONFIG_MAPS}/small`, { method: 'PATCH', headers, body: '{}' });
      assert.equal(answer.code, 415);
      assert.match(answer.json.message, /include: application\/json-patch\+json, application\/merge-patch\+json, /);
    });
  }

  test('a patch with a charset is a patch', async () => {
    const headers = { 'Content-Type': 'application/merge-patch+json; charset=utf-8' };
    assert.equal((await request(server, `${CONFIG_MAPS}/small`, { method: 'PATCH', headers, body: '{}' })).code, 200);
  });
});

describe('what a client wants', () => {
  const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  /** The type of the answer, or undefined for 406. */
  const CASES: [accept: string, type: string | undefined, kind?: string][] = [
    ['*/*', JSON_TYPE],
    ['application/*', JSON_TYPE],
    ['application/json; charset=utf-8', JSON_TYPE],
    ['text/html, */*;q=0.1', JSON_TYPE],
    ['application/yaml', YAML_TYPE],
    ['application/yaml;q=0.5, application/json', JSON_TYPE],
    [`${PROTOBUF};q=0.5, application/json`, JSON_TYPE],
    ['application/cbor, application/yaml', YAML_TYPE],
    [TABLE, JSON_TYPE, 'Table'],
    [`${TABLE}, application/json`, JSON_TYPE, 'Table'],
    ['application/json;as=Table;v=v1beta1;g=meta.k8s.io', JSON_TYPE, 'Table'],
    ['application/json;as=Table;v=v9;g=meta.k8s.io, application/json', JSON_TYPE, 'ConfigMap'],
    ['application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', JSON_TYPE, 'PartialObjectMetadata'],
    ['application/json;as=Table;v=v9;g=meta.k8s.io', undefined],
    ['application/json;as=Nothing;v=v1;g=meta.k8s.io', undefined],
    ['application/json;q=0', undefined],
    ['text/html', undefined],
    [`${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`, undefined],
    ['application/cbor', undefined],
    ['nonsense', undefined],
  ];
  for (const [accept, type, kind = 'ConfigMap'] of CASES) {
    test(`${accept}: ${type ? `${kind} as ${type}` : '406'}`, async () => {
      const answer = await request(server, `${CONFIG_MAPS}/small`, { headers: { Accept: accept } });
      assert.equal(answer.code, type ? 200 : 406);
      assert.equal(answer.headers['content-type'], type ?? JSON_TYPE);
      if (type === YAML_TYPE) assert.match(answer.body.toString(), new RegExp(`^(apiVersion: v1\n)?kind: ${kind}\n`));
      else assert.equal(answer.json.kind, type ? kind : 'Status');
      if (type) return;
      assert.equal(answer.json.reason, 'NotAcceptable');
      assert.match(
        answer.json.message,
        /^only the following media types are accepted: application\/json, application\/yaml, application\/vnd.kubernetes.protobuf$/,
      );
    });
  }

  test('errors come in the wanted form too', async () => {
    const answer = await request(server, `${CONFIG_MAPS}/none`, { headers: { Accept: YAML_TYPE } });
    assert.equal(answer.code, 404);
    assert.equal(answer.headers['content-type'], YAML_TYPE);
    assert.match(answer.body.toString(), /^reason: NotFound$/m);
  });

  test('a watch is no YAML', async () => {
    const refused = await request(server, `${CONFIG_MAPS}?watch=1`, { headers: { Accept: YAML_TYPE } });
    assert.equal(refused.code, 406);
    assert.match(
      refused.body.toString(),
      /accepted: application\/json;stream=watch, application\/vnd.kubernetes.protobuf;stream=watch"$/m,
    );
    const accept = `${YAML_TYPE}, application/json;stream=watch`;
    const reader = await WatchReader.open(server, `${CONFIG_MAPS}?watch=1`, { headers: { Accept: accept } });
    assert.equal((await reader.next())!.type, 'ADDED');
    reader.close();
  });
});

describe('compressed answers', () => {
  const CASES: [what: string, path: string, encoding: string | undefined, zipped: boolean][] = [
    ['a big object', '/big', 'gzip', true],
    ['a big object, among others', '/big', 'deflate, gzip;q=0.5, br', true],
    ['a list', '', 'gzip', true],
    ['a small object', '/small', 'gzip', false],
    ['for who does not say', '/big', undefined, false],
    ['for who takes something else', '/big', 'br, deflate', false],
    ['for who does not want it', '/big', 'gzip;q=0', false],
    ['for who takes anything else', '/big', 'identity', false],
  ];
  for (const [what, path, encoding, zipped] of CASES) {
    test(`${what}: ${zipped ? 'gzip' : 'plain'}`, async () => {
      const headers: Record<string, string> = encoding === undefined ? {} : { 'Accept-Encoding': encoding };
      const answer = await call(server, `${CONFIG_MAPS}${path}`, { headers });
      assert.equal(answer.headers['content-encoding'], zipped ? 'gzip' : undefined);
      if (zipped) assert.equal(answer.headers.vary, 'Accept-Encoding');
      const plain = await call(server, `${CONFIG_MAPS}${path}`);
      assert.deepEqual(zipped ? gunzipSync(answer.body) : answer.body, plain.body);
    });
  }

  test('a watch is never compressed', async () => {
    const reader = await WatchReader.open(server, `${CONFIG_MAPS}?watch=1`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(reader.headers['content-encoding'], undefined);
    assert.ok(await reader.next());
    reader.close();
  });
});
