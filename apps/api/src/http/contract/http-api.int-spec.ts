import assert from 'node:assert/strict';
import { request, type Sent, type TestServer, testServer } from '#testing';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

describe('the API over HTTPS', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await testServer();
  });
  afterAll(() => server.close());

  const call = (path: string, sent?: Sent) => request(server, path, sent);
  const post = (body: Sent['body'], headers?: Record<string, string>, query = '') =>
    call(`${CONFIG_MAPS}${query}`, { method: 'POST', body, headers });

  const named = (name: unknown, more: object = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    ...more,
  });

  describe('lists and watches check their parameters', () => {
    const table: [query: string, code: number, message: RegExp][] = [
      ['?labelSelector=a%3D%3D%3Db', 400, /./],
      ['?fieldSelector=spec.nothing%3Dx', 400, /field/],
      ['?limit=x', 400, /invalid syntax/],
      ['?limit=99999999999999999999', 400, /^strconv.ParseInt: parsing "99999999999999999999": value out of range$/],
      ['?watch=1&timeoutSeconds=9223372036854775808', 400, /value out of range/],
      ['?watch=1&timeoutSeconds=-9223372036854775809', 400, /value out of range/],
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
      test(query, async () => {
        const answer = await call(`${CONFIG_MAPS}${query}`);
        assert.equal(answer.code, code, answer.body.toString());
        assert.match(answer.json.message, message);
      });
    }
  });

  test('paths that no API is behind get plain text, unknown resources and objects a Status', async () => {
    for (const path of ['/apis/none/v1/things', '/nothing', '/api/v2', '/api/v2/pods']) {
      const answer = await call(path);
      assert.equal(answer.code, 404);
      assert.equal(answer.body.toString(), '404 page not found\n', path);
    }
    const unknown = await call('/api/v1/nothings');
    assert.equal(unknown.code, 404);
    assert.equal(unknown.json.message, 'the server could not find the requested resource');
    assert.deepEqual(unknown.json.details, {});
    const missing = await call(`${CONFIG_MAPS}/missing`);
    assert.equal(missing.json.message, 'configmaps "missing" not found');
    assert.deepEqual(missing.json.details, { name: 'missing', kind: 'configmaps' });
  });

  test('a deprecated kind warns whoever asks for it', async () => {
    const answer = await call('/api/v1/namespaces/default/endpoints');
    assert.match(String(answer.headers.warning), /^299 - "v1 Endpoints is deprecated in v1\.33\+/);
    assert.equal((await call('/api/v1/namespaces/default/configmaps')).headers.warning, undefined);
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
      headers: { Accept: 'application/cbor,application/json' },
    });
    assert.equal(fallback.json.kind, 'ConfigMap');
    const refused = await call(CONFIG_MAPS, { headers: { Accept: 'application/cbor' } });
    assert.equal(refused.code, 406);
    assert.equal(refused.json.reason, 'NotAcceptable');
    const charset = await post(named('charset'), { 'Content-Type': 'application/json; charset=utf-8' });
    assert.equal(charset.code, 201);
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
    const { replicas } = document.json.components.schemas['io.k8s.api.apps.v1.DeploymentSpec'].properties;
    assert.match(replicas.description, /^Number of pods that are wanted/);
    const protobuf = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const encoded = await call('/openapi/v2', { headers: { Accept: `${protobuf}, application/json` } });
    assert.equal(encoded.headers['content-type'], protobuf.replace('@', '.'));
    assert.equal(encoded.body.subarray(0, 5).toString(), '\n\x032.0');
    const plain = await call('/openapi/v2', { headers: { Accept: `application/json, ${protobuf}` } });
    assert.equal(plain.json.swagger, '2.0');
    assert.notEqual(plain.headers.etag, encoded.headers.etag);
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const health = await call(path, { as: 'nobody' });
      assert.equal(health.body.toString(), 'ok');
    }
    const verbose = await call('/readyz?verbose');
    assert.match(verbose.body.toString(), /\[\+\]postgres ok\n.*readyz check passed\n$/s);
    assert.equal((await call('/readyz/postgres')).body.toString(), 'ok');
    const metrics = await call('/metrics');
    assert.match(metrics.body.toString(), /apiserver_request_total\{verb="LIST"/);
    assert.match(metrics.body.toString(), /^berth_store_commit_write_sets_count [1-9]/m);
    assert.equal((await call('/version')).json.minor, '37');
  });
});
