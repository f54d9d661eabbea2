import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import type { KubeObject } from '#apimachinery';
import { type Answer, call, request, type Sent, type TestServer, testServer } from '#testing';
import { encodeObject } from '../../codec/protobuf/envelope.js';
import { decodeMessage, readEnvelope } from '../../codec/protobuf/wire-decoder.js';
import { messageOfKind } from '../../codec/protobuf/wire-messages.js';
import { DefinitionClient, definition } from '../../custom-resources/testing/definitions.js';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const JSON_TYPE = 'application/json';
const PODS = '/api/v1/namespaces/default/pods';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const METADATA = ';as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const METADATA_LIST = ';as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

const configMap = (name: string, data: Record<string, string> = { b: '2', a: '1' }): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels: { app: 'a' } },
  data,
});
const pod = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1500m' } } }] },
});

/** The fields of a message that have a length. */
function parts(message: Buffer): [field: number, content: Buffer][] {
  const found: [number, Buffer][] = [];
  for (let at = 0; at < message.length; ) {
    const field = message[at++]! >> 3;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    found.push([field, message.subarray(at, (at += length))]);
  }
  return found;
}

function decoded(encoded: Buffer): any {
  const { apiVersion, kind, raw } = readEnvelope(encoded);
  return { apiVersion, kind, ...decodeMessage(messageOfKind(apiVersion, kind)!, raw) };
}

/** Lists of all kinds have the same fields. */
function decodedList(encoded: Buffer, item: string): any {
  const { apiVersion, kind, raw } = readEnvelope(encoded);
  const fields = parts(raw);
  const of = (number: number) => fields.filter(([field]) => field === number).map(([, content]) => content);
  return {
    apiVersion,
    kind,
    metadata: decodeMessage('meta.v1.ListMeta', of(1)[0]!),
    items: of(2).map((content) => decodeMessage(item, content) as any),
  };
}

function framesOf(body: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at);
    frames.push(body.subarray(at + 4, (at += 4 + length)));
  }
  return frames;
}

function eventOf(frame: Buffer): { type: string; object: any } {
  const [[, type], [, object]] = parts(frame) as [[number, Buffer], [number, Buffer]];
  return { type: type.toString(), object: decoded(parts(object)[0]![1]) };
}

let server: TestServer;
const ask = (path: string, sent: Sent = {}, accept = PROTOBUF): Promise<Answer> =>
  request(server, path, { ...sent, headers: { Accept: accept, ...sent.headers } });
const send = (method: string, path: string, object: KubeObject, accept = PROTOBUF): Promise<Answer> =>
  ask(path, { method, body: encodeObject(object), headers: { 'Content-Type': PROTOBUF } }, accept);

beforeAll(async () => {
  server = await testServer();
  await new DefinitionClient(server).establish(definition());
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  assert.equal((await send('POST', '/api/v1/namespaces/default/serviceaccounts', account)).code, 201);
  assert.equal((await send('POST', CONFIG_MAPS, configMap('first'))).code, 201);
  assert.equal((await send('POST', CONFIG_MAPS, configMap('second'))).code, 201);
});
afterAll(() => server.close());

describe('protobuf in and out', () => {
  test('create, get, update and delete', async () => {
    const created = await send('POST', PODS, pod('p'));
    assert.equal(created.code, 201, created.body.toString());
    assert.equal(created.headers['content-type'], PROTOBUF);
    const made = decoded(created.body);
    assert.equal(made.kind, 'Pod');
    assert.equal(made.spec.containers[0].resources.requests.cpu, '1500m');
    assert.equal(made.spec.restartPolicy, 'Always');
    assert.match(made.metadata.creationTimestamp, /^\d{4}-.*Z$/);

    const read = decoded((await ask(`${PODS}/p`)).body);
    assert.deepEqual(read, made);
    const plain = (await ask(`${PODS}/p`, {}, JSON_TYPE)).json;
    assert.equal(read.metadata.resourceVersion, plain.metadata.resourceVersion);
    assert.deepEqual(read.metadata.managedFields[0].fieldsV1, plain.metadata.managedFields[0].fieldsV1);

    const labelled = { ...read, metadata: { ...read.metadata, labels: { a: 'b' } } };
    const updated = await send('PUT', `${PODS}/p`, labelled);
    assert.equal(updated.code, 200, updated.body.toString());
    assert.deepEqual(decoded(updated.body).metadata.labels, { a: 'b' });
    assert.deepEqual(decoded((await ask(`${PODS}/p`)).body), decoded(updated.body));

    const options = encodeObject({
      apiVersion: 'meta.k8s.io/v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
    } as never);
    const headers = { 'Content-Type': PROTOBUF };
    const deleted = await ask(`${PODS}/p`, { method: 'DELETE', headers, body: options });
    assert.equal(deleted.code, 200, deleted.body.toString());
    assert.equal(decoded(deleted.body).kind, 'Pod');
  });

  test('patches and applied configurations are answered in it', async () => {
    for (const [type, body] of [
      ['application/merge-patch+json', '{"data":{"c":"3"}}'],
      ['application/strategic-merge-patch+json', '{"data":{"c":"4"}}'],
      ['application/json-patch+json', '[{"op":"replace","path":"/data/c","value":"5"}]'],
      ['application/apply-patch+yaml', '{"apiVersion":"v1","kind":"ConfigMap","data":{"d":"6"}}'],
    ] as const) {
      const headers = { 'Content-Type': type };
      const path = `${CONFIG_MAPS}/second?fieldManager=m`;
      const answer = await ask(path, { method: 'PATCH', headers, body });
      assert.equal(answer.code, 200, answer.body.toString());
      assert.equal(decoded(answer.body).metadata.name, 'second', type);
    }
    const { data } = (await ask(`${CONFIG_MAPS}/second`, {}, JSON_TYPE)).json;
    assert.deepEqual(data, { a: '1', b: '2', c: '5', d: '6' });
  });

  test('subresources and objects that are not stored', async () => {
    const review = await send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      metadata: {},
      spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
    });
    assert.equal(review.code, 201, review.body.toString());
    assert.equal(decoded(review.body).status.allowed, true);

    const token = await send('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: { audiences: [], expirationSeconds: 3600 },
    });
    assert.equal(token.code, 201, token.body.toString());
    assert.match(decoded(token.body).status.token, /^ey/);

    const labels = { app: 'd' };
    const template = { metadata: { labels }, spec: pod('x').spec };
    await send('POST', '/apis/apps/v1/namespaces/default/deployments', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    });
    const scale = decoded((await ask('/apis/apps/v1/namespaces/default/deployments/d/scale')).body);
    assert.deepEqual([scale.kind, scale.spec.replicas], ['Scale', 2]);
    const scaled = await send('PUT', '/apis/apps/v1/namespaces/default/deployments/d/scale', {
      ...scale,
      spec: { replicas: 0 },
    });
    assert.equal(scaled.code, 200, scaled.body.toString());
    assert.equal(decoded(scaled.body).spec.replicas, 0);

    await send('POST', PODS, pod('evicted'));
    const eviction = await send('POST', `${PODS}/evicted/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'evicted', namespace: 'default' },
    });
    assert.equal(eviction.code, 201, eviction.body.toString());
    const status = decoded(eviction.body);
    assert.deepEqual([status.kind, status.status], ['Status', 'Success']);
  });
});

describe('lists', () => {
  test('are in it, whole and in pages', async () => {
    const all = await ask(`${CONFIG_MAPS}?labelSelector=app%3Da`);
    assert.equal(all.headers['content-type'], PROTOBUF);
    const list = decodedList(all.body, 'core.v1.ConfigMap');
    assert.deepEqual([list.apiVersion, list.kind], ['v1', 'ConfigMapList']);
    assert.deepEqual(
      list.items.map(({ metadata }: any) => metadata.name),
      ['first', 'second'],
    );
    assert.deepEqual(list.items[0].data, { a: '1', b: '2' });
    assert.match(list.metadata.resourceVersion, /^\d+$/);

    const first = decodedList((await ask(`${CONFIG_MAPS}?limit=1`)).body, 'core.v1.ConfigMap');
    assert.equal(first.items.length, 1);
    assert.notEqual(first.metadata.continue, '');
    assert.ok(first.metadata.remainingItemCount > 0);
    const empty = decodedList((await ask(`${CONFIG_MAPS}?labelSelector=none`)).body, 'core.v1.ConfigMap');
    assert.deepEqual(empty.items, []);
  });

  test('that are large are the same compressed', async () => {
    const big = { text: 'x'.repeat(100_000) };
    for (let i = 0; i < 4; i += 1) await send('POST', CONFIG_MAPS, { ...configMap(`big-${i}`, big) });
    const headers = { Accept: PROTOBUF };
    const plain = await call(server, CONFIG_MAPS, { headers });
    const zipped = await call(server, CONFIG_MAPS, { headers: { ...headers, 'Accept-Encoding': 'gzip' } });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
    assert.ok(decodedList(plain.body, 'core.v1.ConfigMap').items.length > 5);
    for (let i = 0; i < 4; i += 1) await ask(`${CONFIG_MAPS}/big-${i}`, { method: 'DELETE' });
  });

  test('of metadata alone', async () => {
    const answer = await ask(CONFIG_MAPS, {}, `${PROTOBUF}${METADATA_LIST},${JSON_TYPE}`);
    const list = decodedList(answer.body, 'meta.v1.PartialObjectMetadata');
    assert.deepEqual([list.apiVersion, list.kind], ['meta.k8s.io/v1', 'PartialObjectMetadataList']);
    assert.ok(list.items.some(({ metadata }: any) => metadata.name === 'first'));
    assert.deepEqual(Object.keys(list.items[0]), ['metadata']);
  });
});

describe('watches', () => {
  const watch = async (query: string, accept = PROTOBUF) => {
    const answer = await call(server, `${CONFIG_MAPS}?watch=1&timeoutSeconds=2${query}`, {
      headers: { Accept: accept },
    });
    return { answer, events: framesOf(answer.body).map(eventOf) };
  };

  test('are frames of events', async () => {
    const { answer, events } = await watch('&labelSelector=app%3Da');
    assert.equal(answer.headers['content-type'], `${PROTOBUF};stream=watch`);
    assert.deepEqual(
      events.map(({ type, object }) => [type, object.kind, object.metadata.name]),
      [
        ['ADDED', 'ConfigMap', 'first'],
        ['ADDED', 'ConfigMap', 'second'],
      ],
    );
  });

  test('have bookmarks, and say that they begin too early', async () => {
    const { events } = await watch(
      '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
    );
    const { type, object } = events.find((event) => event.type === 'BOOKMARK')!;
    assert.deepEqual([type, object.kind], ['BOOKMARK', 'ConfigMap']);
    assert.equal(object.metadata.annotations['k8s.io/initial-events-end'], 'true');
  });

  test('show changes to all watchers alike, and what leaves a selection', async () => {
    const changed = (labels: Record<string, string>): KubeObject => ({
      ...configMap('changed'),
      metadata: { name: 'changed', labels },
    });
    const { metadata } = decoded((await ask(`${CONFIG_MAPS}/first`)).body);
    await send('POST', CONFIG_MAPS, changed({ mark: 'x' }));
    await send('PUT', `${CONFIG_MAPS}/changed`, changed({ mark: 'y' }));
    await ask(`${CONFIG_MAPS}/changed`, { method: 'DELETE' });
    const since = `&resourceVersion=${metadata.resourceVersion}`;
    const [selected, ...others] = await Promise.all(
      ['&labelSelector=mark%3Dx', '', ''].map((query) => watch(since + query)),
    );
    const of = ({ events }: Awaited<ReturnType<typeof watch>>) =>
      events.filter(({ object }) => object.metadata.name === 'changed').map(({ type }) => type);
    assert.deepEqual(of(selected!), ['ADDED', 'DELETED']);
    for (const other of others) assert.deepEqual(of(other), ['ADDED', 'MODIFIED', 'DELETED']);
  });

  test('of metadata alone', async () => {
    const { events } = await watch('&labelSelector=app%3Da', `${PROTOBUF}${METADATA},${JSON_TYPE}`);
    assert.deepEqual(
      events.map(({ object }) => [object.apiVersion, object.kind]),
      [
        ['meta.k8s.io/v1', 'PartialObjectMetadata'],
        ['meta.k8s.io/v1', 'PartialObjectMetadata'],
      ],
    );
    assert.equal(events[0]!.object.metadata.name, 'first');
  });

  test('over a WebSocket are binary messages', async () => {
    const { ca, cert, key } = server.tls;
    const client = new WebSocket(`${server.url.replace('https', 'wss')}${CONFIG_MAPS}?watch=1&timeoutSeconds=1`, {
      ca,
      cert,
      key,
      headers: { Accept: PROTOBUF },
    });
    const [message, isBinary] = await new Promise<[Buffer, boolean]>((resolve, reject) => {
      client.on('message', (data, binary) => resolve([data as Buffer, binary]));
      client.on('error', reject);
    });
    assert.equal(isBinary, true);
    assert.equal(eventOf(message).type, 'ADDED');
    client.terminate();
  });
});

describe('what is not in it', () => {
  test('errors are a Status in the form that is asked for', async () => {
    for (const [path, sent, code] of [
      [`${CONFIG_MAPS}/none`, {}, 404],
      ['/api/v1/nothings', {}, 404],
      [CONFIG_MAPS, { as: 'nobody' }, 403],
      [`${CONFIG_MAPS}?limit=x`, {}, 400],
      [`${WIDGETS}/none`, {}, 406],
    ] as const) {
      const answer = await ask(path, sent as Sent);
      assert.equal(answer.code, code, path);
      assert.equal(answer.headers['content-type'], PROTOBUF, path);
      const status = decoded(answer.body);
      assert.deepEqual([status.kind, status.status, status.code], ['Status', 'Failure', code]);
    }
  });

  test('a Table', async () => {
    const table = ';as=Table;v=v1;g=meta.k8s.io';
    const refused = await ask(CONFIG_MAPS, {}, `${PROTOBUF}${table}`);
    assert.equal(refused.code, 406);
    const shown = await ask(CONFIG_MAPS, {}, `${PROTOBUF}${table},${JSON_TYPE}${table}`);
    assert.equal(shown.json.kind, 'Table');
  });

  test('custom resources, but for their metadata', async () => {
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec: { size: 1 } };
    const created = await ask(WIDGETS, { method: 'POST', body: widget }, `${PROTOBUF},${JSON_TYPE}`);
    assert.equal(created.code, 201);
    assert.equal(created.json.kind, 'Widget');
    for (const path of [WIDGETS, `${WIDGETS}/w`, `${WIDGETS}?watch=1`]) {
      const refused = await ask(path);
      assert.equal(refused.code, 406, path);
      assert.match(
        decoded(refused.body).message,
        /^only the following media types are accepted: application\/json, application\/yaml, application\/vnd/,
      );
    }
    const metadata = decoded((await ask(`${WIDGETS}/w`, {}, `${PROTOBUF}${METADATA}`)).body);
    assert.deepEqual([metadata.kind, metadata.metadata.name], ['PartialObjectMetadata', 'w']);

    const headers = { 'Content-Type': PROTOBUF };
    const sent = await ask(WIDGETS, { method: 'POST', headers, body: encodeObject(configMap('w')) }, JSON_TYPE);
    assert.equal(sent.code, 400);
  });

  test('bodies without anything', async () => {
    const headers = { 'Content-Type': PROTOBUF };
    for (const [body, message] of [
      [Buffer.from('k8s\0'), /: empty body \(/],
      [Buffer.from('{}'), /does not appear to be a protobuf message, expected prefix \[107 56 115 0\]/],
    ] as const) {
      const answer = await ask(CONFIG_MAPS, { method: 'POST', headers, body }, JSON_TYPE);
      assert.equal(answer.code, 400);
      assert.match(answer.json.message, message);
    }
  });
});

describe('discovery', () => {
  const AGGREGATED = ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

  test('is in it, plain and aggregated', async () => {
    const groups = decoded((await ask('/apis')).body);
    assert.equal(groups.kind, 'APIGroupList');
    assert.ok(groups.groups.some(({ name }: any) => name === 'apps'));
    const resources = decoded((await ask('/apis/apps/v1')).body);
    const deployments = resources.resources.find(({ name }: any) => name === 'deployments');
    assert.ok(deployments.verbs.includes('watch'));
    assert.equal(decoded((await ask('/api')).body).kind, 'APIVersions');

    const answer = await ask('/apis', {}, `${JSON_TYPE},${PROTOBUF}${AGGREGATED}`);
    assert.equal(answer.headers['content-type'], `${PROTOBUF}${AGGREGATED}`);
    const { items } = decoded(answer.body);
    assert.ok(items.some(({ metadata }: any) => metadata.name === 'apps'));
  });

  test('is refused in a form that there is not', async () => {
    for (const path of ['/apis', '/api/v1', '/apis/apps']) {
      const { code, json } = await ask(path, {}, 'text/html');
      assert.deepEqual([code, json.reason], [406, 'NotAcceptable'], path);
    }
  });
});
