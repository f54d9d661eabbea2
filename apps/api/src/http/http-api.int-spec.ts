import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type TestServer, testServer } from '#testing';

interface Answer {
  code: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json: any;
}

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer | object;
  anonymous?: boolean;
}

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describe('the API over HTTPS', () => {
  let server: TestServer;

  before(async () => {
    server = await testServer();
  });
  after(() => server.close());

  function call(path: string, { method = 'GET', headers = {}, body, anonymous = false }: Sent = {}): Promise<Answer> {
    const { ca, cert, key } = server.tls;
    const plain = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
    const bytes = plain ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(`${server.url}${path}`, {
        method,
        ca,
        ...(anonymous ? undefined : { cert, key }),
        agent: false,
        headers: {
          ...(bytes === undefined
            ? undefined
            : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(bytes) }),
          ...headers,
        },
      });
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('data', (part) => parts.push(part));
        incoming.on('end', () => {
          const whole = Buffer.concat(parts);
          resolve({
            code: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: whole,
            get json() {
              return JSON.parse(whole.toString());
            },
          });
        });
      });
      outgoing.end(bytes);
    });
  }

  const post = (body: Sent['body'], headers?: Record<string, string>, query = '') =>
    call(`${CONFIG_MAPS}${query}`, { method: 'POST', body, headers });

  const named = (name: unknown, more: object = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    ...more,
  });

  test('bad input gets the error that the reference gives', async (t) => {
    const table: [what: string, sent: Sent & { path?: string }, code: number, message: RegExp][] = [
      [
        'broken JSON',
        { body: '{"a":' },
        400,
        /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: unexpected end of JSON input/,
      ],
      [
        'broken YAML',
        { body: 'a: [', headers: { 'Content-Type': 'application/yaml' } },
        400,
        /error converting YAML to JSON/,
      ],
      [
        'another kind',
        { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } } },
        400,
        /cannot be handled as a ConfigMap/,
      ],
      [
        'another version',
        { body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'x' } } },
        400,
        /does not match the expected API version \(v1\)/,
      ],
      [
        'a wrong type',
        { body: named('x', { data: { a: 1 } }) },
        400,
        /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap\.data of type string$/,
      ],
      [
        'a bad name',
        { body: named('Not_Good') },
        422,
        /^ConfigMap "Not_Good" is invalid: metadata\.name: Invalid value: "Not_Good": a lowercase RFC 1123 subdomain must/,
      ],
      ['no name', { body: named('') }, 422, /name or generateName is required/],
      [
        'another namespace',
        { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'other' } } },
        400,
        /^the namespace of the provided object does not match/,
      ],
      [
        'an unknown field, strict',
        { path: `${CONFIG_MAPS}?fieldValidation=Strict`, body: named('x', { dta: {} }) },
        400,
        /strict decoding error: unknown field "dta"$/,
      ],
      [
        'a repeated field, strict',
        {
          path: `${CONFIG_MAPS}?fieldValidation=Strict`,
          body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","a":"2"}}',
        },
        400,
        /strict decoding error: duplicate field "data.a"$/,
      ],
      ['a bad dryRun', { path: `${CONFIG_MAPS}?dryRun=Some`, body: named('x') }, 422, /dryRun: Unsupported value/],
      [
        'an unknown media type',
        { body: 'x', headers: { 'Content-Type': 'text/plain' } },
        415,
        /^the body of the request was in an unknown format/,
      ],
      [
        'an unknown namespace',
        { path: '/api/v1/namespaces/none/configmaps', body: named('x') },
        404,
        /^namespaces "none" not found$/,
      ],
      [
        'more than 3 MiB',
        { body: named('x', { data: { a: 'x'.repeat(3 * 1024 * 1024) } }) },
        413,
        /^Request entity too large: limit is 3145728$/,
      ],
    ];
    for (const [what, { path = CONFIG_MAPS, ...sent }, code, message] of table) {
      await t.test(what, async () => {
        const answer = await call(path, { method: 'POST', ...sent });
        assert.equal(answer.json.kind, 'Status', answer.body.toString());
        assert.equal(answer.code, code, answer.json.message);
        assert.equal(answer.json.code, code);
        assert.equal(answer.json.status, 'Failure');
        assert.match(answer.json.message, message);
      });
    }
  });

  test('lists and watches check their parameters', async (t) => {
    const table: [query: string, code: number, message: RegExp][] = [
      ['?labelSelector=a%3D%3D%3Db', 400, /./],
      ['?fieldSelector=spec.nothing%3Dx', 400, /field/],
      ['?limit=x', 400, /invalid syntax/],
      ['?continue=abc', 400, /continue key is not valid/],
      ['?resourceVersionMatch=Exact', 422, /resourceVersionMatch is forbidden unless resourceVersion is provided/],
      ['?sendInitialEvents=true', 422, /sendInitialEvents is forbidden for list/],
      [
        '?watch=1&sendInitialEvents=true',
        422,
        /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/,
      ],
      ['?resourceVersion=99999999', 504, /Too large resource version/],
    ];
    for (const [query, code, message] of table) {
      await t.test(query, async () => {
        const answer = await call(`${CONFIG_MAPS}${query}`);
        assert.equal(answer.code, code, answer.body.toString());
        assert.match(answer.json.message, message);
      });
    }
  });

  test('paths that nothing serves get plain text, unknown objects a Status', async () => {
    for (const path of ['/api/v1/nothings', '/apis/none/v1/things', '/nothing', '/api/v2']) {
      const answer = await call(path);
      assert.equal(answer.code, 404);
      assert.equal(answer.body.toString(), '404 page not found\n', path);
    }
    const missing = await call(`${CONFIG_MAPS}/missing`);
    assert.equal(missing.json.message, 'configmaps "missing" not found');
    assert.deepEqual(missing.json.details, { name: 'missing', kind: 'configmaps' });
  });

  test('a deprecated kind warns whoever asks for it', async () => {
    const answer = await call('/api/v1/namespaces/default/endpoints');
    assert.match(String(answer.headers.warning), /^299 - "v1 Endpoints is deprecated in v1\.33\+/);
    assert.equal((await call('/api/v1/namespaces/default/configmaps')).headers.warning, undefined);
  });

  test('unknown fields are dropped with a warning unless they are ignored', async () => {
    const warned = await post(named('warned', { spec: 1 }));
    assert.equal(warned.code, 201);
    assert.equal(warned.headers.warning, '299 - "unknown field \\"spec\\""');
    assert.equal(warned.json.spec, undefined);
    const ignored = await post(named('ignored', { spec: 1 }), undefined, '?fieldValidation=Ignore');
    assert.equal(ignored.headers.warning, undefined);
  });

  test('answers in the form that Accept asks for', async () => {
    await post(named('shown', { data: { a: 'b' } }));
    const table = await call(CONFIG_MAPS, { headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    assert.equal(table.json.kind, 'Table');
    assert.deepEqual(
      table.json.columnDefinitions.map((column: { name: string }) => column.name),
      ['Name', 'Data', 'Age'],
    );
    assert.equal(table.json.rows[0].object.kind, 'PartialObjectMetadata');
    const partial = await call(CONFIG_MAPS, {
      headers: { Accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    });
    assert.equal(partial.json.kind, 'PartialObjectMetadataList');
    assert.equal(partial.json.items[0].data, undefined);
    const yaml = await call(`${CONFIG_MAPS}/shown`, { headers: { Accept: 'application/yaml' } });
    assert.equal(yaml.headers['content-type'], 'application/yaml');
    assert.match(yaml.body.toString(), /^apiVersion: v1\nkind: ConfigMap\n/);
    const fallback = await call(`${CONFIG_MAPS}/shown`, {
      headers: { Accept: 'application/vnd.kubernetes.protobuf,application/json' },
    });
    assert.equal(fallback.json.kind, 'ConfigMap');
    const refused = await call(CONFIG_MAPS, { headers: { Accept: 'application/vnd.kubernetes.protobuf' } });
    assert.equal(refused.code, 406);
    assert.equal(refused.json.reason, 'NotAcceptable');
    const charset = await post(named('charset'), { 'Content-Type': 'application/json; charset=utf-8' });
    assert.equal(charset.code, 201);
  });

  test('big answers are compressed for those who take it', async () => {
    await post(named('big', { data: { text: 'x'.repeat(200_000) } }));
    const plain = await call(`${CONFIG_MAPS}/big`);
    assert.equal(plain.headers['content-encoding'], undefined);
    const zipped = await call(`${CONFIG_MAPS}/big`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.ok(zipped.body.length < plain.body.length / 10);
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
  });

  test('protobuf bodies are read', async () => {
    const field = (number: number, content: Buffer | string) => {
      const bytes = Buffer.from(content);
      return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
    };
    const metadata = field(1, field(1, 'from-wire'));
    const entry = Buffer.concat([field(1, 'key'), field(2, 'value')]);
    const raw = Buffer.concat([metadata, field(2, entry)]);
    const type = Buffer.concat([field(1, 'v1'), field(2, 'ConfigMap')]);
    const body = Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, raw)]);
    const made = await post(body, { 'Content-Type': 'application/vnd.kubernetes.protobuf' });
    assert.equal(made.code, 201, made.body.toString());
    assert.deepEqual(made.json.data, { key: 'value' });
    const broken = await post(body.subarray(0, 20), { 'Content-Type': 'application/vnd.kubernetes.protobuf' });
    assert.equal(broken.code, 400);
  });

  test('a delete answers with a Status, or the object where the reference does', async () => {
    await post(named('gone'));
    const gone = await call(`${CONFIG_MAPS}/gone`, { method: 'DELETE' });
    assert.equal(gone.code, 200);
    assert.equal(gone.json.status, 'Success');
    assert.equal(gone.json.details.kind, 'configmaps');
    const wrong = await post(named('kept'));
    const refused = await call(`${CONFIG_MAPS}/kept`, { method: 'DELETE', body: { preconditions: { uid: 'other' } } });
    assert.equal(refused.code, 409);
    assert.match(refused.json.message, new RegExp(`UID in object meta: ${wrong.json.metadata.uid}$`));
  });

  test('discovery, OpenAPI and health are there', async () => {
    const groups = await call('/apis');
    assert.equal(groups.json.kind, 'APIGroupList');
    const aggregated = await call('/apis', {
      headers: { Accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
    });
    assert.equal(aggregated.json.kind, 'APIGroupDiscoveryList');
    const again = await call('/apis', {
      headers: {
        Accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
        'If-None-Match': aggregated.headers.etag!,
      },
    });
    assert.equal(again.code, 304);
    const index = await call('/openapi/v3');
    const { serverRelativeURL } = index.json.paths['apis/apps/v1'];
    const document = await call(serverRelativeURL);
    assert.equal(document.headers['cache-control'], 'public, immutable');
    assert.equal(document.json.openapi, '3.0.0');
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const health = await call(path, { anonymous: true });
      assert.equal(health.body.toString(), 'ok');
    }
    const verbose = await call('/readyz?verbose');
    assert.match(verbose.body.toString(), /\[\+\]postgres ok\n.*readyz check passed\n$/s);
    assert.equal((await call('/readyz/postgres')).body.toString(), 'ok');
    const metrics = await call('/metrics');
    assert.match(metrics.body.toString(), /apiserver_request_total\{verb="LIST"/);
    assert.equal((await call('/version')).json.minor, '37');
  });

  test('strangers may read the version and nothing else', async () => {
    assert.equal((await call('/version', { anonymous: true })).code, 200);
    const refused = await call(CONFIG_MAPS, { anonymous: true });
    assert.equal(refused.code, 403);
    const token = await call(CONFIG_MAPS, { anonymous: true, headers: { Authorization: 'Bearer nonsense' } });
    assert.equal(token.code, 401);
    assert.equal(token.json.message, 'Unauthorized');
  });

  test('watch as Table sends the columns once', async () => {
    const answer = await call(`${CONFIG_MAPS}?watch=1&timeoutSeconds=1`, {
      headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    const events = answer.body
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(events.length >= 2);
    assert.ok(events[0].object.columnDefinitions.length > 0);
    assert.equal(events[1].object.columnDefinitions.length, 0);
  });
});
