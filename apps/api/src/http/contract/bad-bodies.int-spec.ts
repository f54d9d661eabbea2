import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { call, request, type Sent, type TestServer, testServer } from '#testing';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const SEED = `${CONFIG_MAPS}/seed`;

const PATCHES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const named = (name: unknown, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
});

const pod = (container: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x', ...metadata },
  spec: { containers: [{ name: 'main', image: 'x', ...container }] },
});

type Row = [what: string, sent: Sent & { path?: string }, code: number, message: RegExp];

const CREATES: Row[] = [
  // what is no JSON or YAML
  ['an empty body', { body: '' }, 400, /json parse error: unexpected end of JSON input \(<empty>\)$/],
  [
    'broken JSON',
    { body: '{"a":' },
    400,
    /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: unexpected end of JSON input/,
  ],
  ['more than one JSON value', { body: '{} {}' }, 400, /invalid character '\{' after top-level value/],
  [
    'broken YAML',
    { body: 'a: [', headers: { 'Content-Type': 'application/yaml' } },
    400,
    /error converting YAML to JSON: yaml: /,
  ],
  ['tabs in YAML', { body: 'a:\n\tb: c', headers: { 'Content-Type': 'application/yaml' } }, 400, /yaml: line 2: /],
  [
    'compressed JSON: nothing says that bodies may be',
    { body: gzipSync('{}'), headers: { 'Content-Encoding': 'gzip' } },
    400,
    /invalid character '\\x1f' looking for beginning of value/,
  ],
  [
    'protobuf that is none',
    { body: '{}', headers: { 'Content-Type': 'application/vnd.kubernetes.protobuf' } },
    400,
    /does not appear to be a protobuf message/,
  ],
  // other values than objects
  ['a list', { body: '[]' }, 400, /json: cannot unmarshal array into Go value of type struct/],
  ['a text', { body: '"x"' }, 400, /json: cannot unmarshal string into Go value of type struct/],
  [
    'nothing in particular',
    { body: 'null' },
    422,
    /^ConfigMap "" is invalid: metadata\.name: Required value: name or generateName is required$/,
  ],
  // other kinds
  [
    'another kind',
    { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } } },
    400,
    /cannot be handled as a ConfigMap: converting \(v1\.Secret\)/,
  ],
  [
    'another version',
    { body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'x' } } },
    400,
    /^the API version in the data \(v2\) does not match the expected API version \(v1\)$/,
  ],
  [
    'a kind that is no text',
    { body: { kind: 1, metadata: { name: 'x' } } },
    400,
    /json: cannot unmarshal number into Go struct field \.kind of type string/,
  ],
  // wrong types
  [
    'a number for a text',
    { body: named('x', { data: { a: 1 } }) },
    400,
    /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap\.data of type string$/,
  ],
  [
    'a text for an object',
    { body: { ...named('x'), metadata: 'x' } },
    400,
    /cannot unmarshal string into Go struct field ConfigMap\.metadata of type v1\.ObjectMeta$/,
  ],
  [
    'a list for a map',
    { body: { ...named('x'), metadata: { name: 'x', labels: ['a'] } } },
    400,
    /cannot unmarshal array into Go struct field ObjectMeta\.metadata\.labels of type map\[string\]string$/,
  ],
  [
    'a time that is none',
    { body: { ...named('x'), metadata: { name: 'x', creationTimestamp: 'yesterday' } } },
    400,
    /parsing time "yesterday" as/,
  ],
  [
    'a map for a list',
    { path: '/api/v1/namespaces/default/pods', body: { ...pod({}), spec: { containers: {} } } },
    400,
    /cannot unmarshal object into Go struct field PodSpec\.spec\.containers of type \[\]v1\.Container$/,
  ],
  [
    'a fraction for a whole number',
    { path: '/api/v1/namespaces/default/pods', body: pod({ ports: [{ containerPort: 1.5 }] }) },
    400,
    /cannot unmarshal number 1\.5 into Go struct field ContainerPort\.spec\.containers\.ports\.containerPort of type int32$/,
  ],
  [
    'a number out of range',
    { path: '/api/v1/namespaces/default/pods', body: pod({ ports: [{ containerPort: 2 ** 40 }] }) },
    400,
    /cannot unmarshal number 1099511627776 into .* of type int32$/,
  ],
  [
    'a quantity that is none',
    { path: '/api/v1/namespaces/default/pods', body: pod({ resources: { limits: { cpu: 'x' } } }) },
    400,
    /quantities must match the regular expression/,
  ],
  [
    'base64 that is none',
    {
      path: '/api/v1/namespaces/default/secrets',
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data: { a: '%' } },
    },
    400,
    /illegal base64 data at input byte 0$/,
  ],
  // names and places
  [
    'a bad name',
    { body: named('Not_Good') },
    422,
    /^ConfigMap "Not_Good" is invalid: metadata\.name: Invalid value: "Not_Good": a lowercase RFC 1123 subdomain must/,
  ],
  ['a name with a slash', { body: named('a/b') }, 422, /metadata\.name: Invalid value: "a\/b"/],
  ['a name that is too long', { body: named('a'.repeat(254)) }, 422, /must be no more than 253 characters$/],
  ['no name', { body: named('') }, 422, /name or generateName is required/],
  [
    'a bad beginning of a name',
    { body: { ...named(undefined), metadata: { generateName: 'A_' } } },
    422,
    /metadata\.generateName: Invalid value: "A_"/,
  ],
  [
    'a bad name of a namespace',
    { path: '/api/v1/namespaces', body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'A_b' } } },
    422,
    /a lowercase RFC 1123 label must/,
  ],
  [
    'another namespace',
    { body: { ...named('x'), metadata: { name: 'x', namespace: 'other' } } },
    400,
    /^the namespace of the provided object does not match the namespace sent on the request$/,
  ],
  [
    'an unknown namespace',
    { path: '/api/v1/namespaces/none/configmaps', body: named('x') },
    404,
    /^namespaces "none" not found$/,
  ],
  [
    'a revision',
    { body: { ...named('x'), metadata: { name: 'x', resourceVersion: '1' } } },
    400,
    /^resourceVersion should not be set on objects to be created$/,
  ],
  ['what is there already', { body: named('seed') }, 409, /^configmaps "seed" already exists$/],
  // parameters
  ['a bad dryRun', { path: `${CONFIG_MAPS}?dryRun=Some`, body: named('x') }, 422, /dryRun: Unsupported value/],
  [
    'a bad fieldValidation',
    { path: `${CONFIG_MAPS}?fieldValidation=Maybe`, body: named('x') },
    422,
    /fieldValidation: Unsupported value: "Maybe": supported values: "Ignore", "Strict", "Warn"$/,
  ],
  [
    'a fieldManager that is too long',
    { path: `${CONFIG_MAPS}?fieldManager=${'m'.repeat(129)}`, body: named('x') },
    422,
    /fieldManager: Too long/,
  ],
  // sizes
  [
    'more than 3 MiB',
    { body: named('x', { data: { a: 'x'.repeat(3 * 1024 * 1024) } }) },
    413,
    /^Request entity too large: limit is 3145728$/,
  ],
  [
    'more than 3 MiB in chunks',
    { chunked: true, body: named('x', { data: { a: 'x'.repeat(3 * 1024 * 1024) } }) },
    413,
    /^Request entity too large: limit is 3145728$/,
  ],
  [
    'more than a ConfigMap holds',
    { body: named('x', { data: { a: 'x'.repeat(1024 * 1024 + 1) } }) },
    422,
    /Too long: may not be more than 1048576 bytes$/,
  ],
];

const put = (body: Sent['body']): Sent => ({ method: 'PUT', body });
const seed = (metadata: object) => ({ ...named('seed'), metadata: { name: 'seed', ...metadata } });
const MODIFIED =
  /^Operation cannot be fulfilled on configmaps "seed": the object has been modified; please apply your changes to the latest version and try again$/;
const OTHER_UID =
  /^Operation cannot be fulfilled on configmaps "seed": Precondition failed: UID in precondition: other, UID in object meta: /;

const UPDATES: Row[] = [
  ['an old revision', put(seed({ resourceVersion: '1' })), 409, MODIFIED],
  [
    'a revision that is no number',
    put(seed({ resourceVersion: 'x' })),
    422,
    /metadata\.resourceVersion: Invalid value: "x": strconv\.ParseUint/,
  ],
  ['another uid', put(seed({ uid: 'other' })), 409, OTHER_UID],
  [
    'another name',
    put(named('other')),
    400,
    /^the name of the object \(other\) does not match the name on the URL \(seed\)$/,
  ],
  ['no name', put(named(undefined)), 400, /name must be provided$/],
  ['another namespace', put(seed({ namespace: 'other' })), 400, /^the namespace of the provided object does not match/],
  ['what is not there', { path: `${CONFIG_MAPS}/none`, ...put(named('none')) }, 404, /^configmaps "none" not found$/],
  ['more than 3 MiB', put(named('seed', { data: { a: 'x'.repeat(3 * 1024 * 1024) } })), 413, /limit is 3145728$/],
  [
    'a delete of another uid',
    { method: 'DELETE', body: { preconditions: { uid: 'other' } } },
    409,
    /UID in precondition: other, UID in object meta: /,
  ],
  [
    'a delete of another revision',
    { method: 'DELETE', body: { preconditions: { resourceVersion: '1' } } },
    409,
    /ResourceVersion in precondition: 1, ResourceVersion in object meta: \d+$/,
  ],
  [
    'a delete with broken options',
    { method: 'DELETE', body: '{' },
    400,
    /json parse error: unexpected end of JSON input$/,
  ],
  [
    'a delete with options of another kind',
    { method: 'DELETE', body: { kind: 'Pod' } },
    400,
    /^decoded object cannot be converted to DeleteOptions$/,
  ],
  [
    'a delete with an unknown policy',
    { method: 'DELETE', body: { propagationPolicy: 'Never' } },
    422,
    /propagationPolicy: Unsupported value: "Never"/,
  ],
  [
    'a delete with a mistyped grace period',
    { path: `${SEED}?gracePeriodSeconds=x`, method: 'DELETE' },
    400,
    /strconv\.ParseInt: parsing "x": invalid syntax$/,
  ],
];

const patch = (type: keyof typeof PATCHES, body: unknown, query = ''): Sent & { path: string } => ({
  path: `${SEED}?fieldManager=test${query}`,
  method: 'PATCH',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'Content-Type': PATCHES[type] },
});

const PATCHED: Row[] = [
  ['JSON patch: broken', patch('json', '['), 400, /^invalid JSON patch$/],
  [
    'JSON patch: an object',
    patch('json', {}),
    400,
    /^error decoding patch: json: cannot unmarshal object into Go value of type \[\]handlers\.jsonPatchOp$/,
  ],
  [
    'JSON patch: an object, unchecked',
    patch('json', {}, '&fieldValidation=Ignore'),
    400,
    /^json: cannot unmarshal object into Go value of type jsonpatch\.Patch$/,
  ],
  [
    'JSON patch: an unknown operation',
    patch('json', [{ op: 'no', path: '/data' }]),
    422,
    /^the server rejected our request due to an error in our request$/,
  ],
  [
    'JSON patch: a path that is not there',
    patch('json', [{ op: 'remove', path: '/data/none' }]),
    422,
    /^the server rejected our request/,
  ],
  [
    'JSON patch: a test that fails',
    patch('json', [{ op: 'test', path: '/data/a', value: 'x' }]),
    422,
    /^the server rejected our request/,
  ],
  ['JSON patch: nothing instead', patch('json', [{ op: 'replace', path: '', value: null }]), 422, /./],
  ['JSON patch: a list instead', patch('json', [{ op: 'replace', path: '', value: [] }]), 422, /./],
  ['JSON patch: a text instead', patch('json', [{ op: 'replace', path: '', value: 'x' }]), 422, /./],
  ['JSON patch: all removed', patch('json', [{ op: 'remove', path: '' }]), 422, /./],
  [
    'JSON patch: too many operations',
    patch('json', Array(10_001).fill({ op: 'test', path: '/data/a', value: 'b' })),
    413,
    /The allowed maximum operations in a JSON patch is 10000, got 10001$/,
  ],
  ['merge patch: broken', patch('merge', '{'), 400, /^invalid JSON patch$/],
  [
    'merge patch: a list',
    patch('merge', []),
    400,
    /^error decoding patch: json: cannot unmarshal array into Go value of type map\[string\]interface \{\}$/,
  ],
  [
    'merge patch: a wrong type',
    patch('merge', { data: 5 }),
    422,
    /patch: Invalid value: .*cannot unmarshal number into Go struct field ConfigMap\.data of type map\[string\]string$/,
  ],
  [
    'merge patch: another kind',
    patch('merge', { kind: 'Secret' }),
    422,
    /patch: Invalid value: "\{.*\}": converting \(v1\.Secret\) to \(core\.ConfigMap\): unknown conversion$/,
  ],
  [
    'merge patch: no kind at all',
    patch('merge', { kind: 'Nothing' }),
    422,
    /: no kind "Nothing" is registered for version "v1"$/,
  ],
  [
    'merge patch: another name',
    patch('merge', { metadata: { name: 'x' } }),
    422,
    /metadata\.name: Invalid value: "x": field is immutable$/,
  ],
  ['merge patch: an old revision', patch('merge', { metadata: { resourceVersion: '1' } }), 409, MODIFIED],
  ['merge patch: another uid', patch('merge', { metadata: { uid: 'other' } }), 409, OTHER_UID],
  ['strategic patch: broken', patch('strategic', ''), 400, /^invalid JSON patch$/],
  [
    'strategic patch: a text',
    patch('strategic', '"x"'),
    400,
    /^json: cannot unmarshal string into Go value of type map\[string\]interface \{\}$/,
  ],
  ['strategic patch: an old revision', patch('strategic', { metadata: { resourceVersion: '1' } }), 409, MODIFIED],
  ['apply: broken', patch('apply', 'a: ['), 400, /^error encoding patch: error converting YAML to JSON: yaml: /],
  [
    'apply: a list',
    patch('apply', '[]'),
    400,
    /^error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map\[string\]interface \{\}$/,
  ],
  ['apply: nothing', patch('apply', ''), 400, /^invalid object type: \/, Kind=$/],
  [
    'apply: another kind',
    patch('apply', { apiVersion: 'apps/v1', kind: 'Deployment' }),
    400,
    /^invalid object type: apps\/v1, Kind=Deployment$/,
  ],
  [
    'apply: managed fields',
    patch('apply', { ...seed({ managedFields: [] }) }),
    400,
    /^metadata\.managedFields must be nil$/,
  ],
  [
    'apply: no manager',
    { ...patch('apply', named('seed')), path: SEED },
    422,
    /fieldManager: Required value: is required for apply patch$/,
  ],
  [
    'force where nothing is applied',
    patch('merge', {}, '&force=true'),
    422,
    /force: Forbidden: may not be specified for non-apply patch$/,
  ],
  [
    'a patch of what is not there',
    { ...patch('merge', {}), path: `${CONFIG_MAPS}/none` },
    404,
    /^configmaps "none" not found$/,
  ],
];

const REASONS: Record<number, RegExp> = {
  400: /^BadRequest$/,
  404: /^NotFound$/,
  409: /^(Conflict|AlreadyExists)$/,
  413: /^RequestEntityTooLarge$/,
  422: /^Invalid$/,
};

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server
    .client()
    .create<KubeObject>(gvr.configmaps, 'default', named('seed', { data: { a: 'b' } }) as KubeObject);
});
afterAll(() => server.close());

for (const [what, rows, path] of [
  ['creates', CREATES, CONFIG_MAPS],
  ['updates and deletes', UPDATES, SEED],
  ['patches', PATCHED, SEED],
] as const) {
  describe(`bad ${what}`, () => {
    for (const [name, sent, code, message] of rows) {
      test(name, async () => {
        const ask = sent.chunked ? call : request;
        const answer = await ask(server, sent.path ?? path, { method: 'POST', ...sent });
        assert.equal(answer.code, code, answer.body.toString());
        const { kind, apiVersion, status, reason, message: text, code: inside } = answer.json;
        assert.deepEqual([kind, apiVersion, status, inside], ['Status', 'v1', 'Failure', code]);
        assert.match(reason, REASONS[code]!);
        assert.match(text, message);
      });
    }
  });
}

test('what was refused has changed nothing', async () => {
  const kept = await request(server, SEED);
  assert.deepEqual(kept.json.data, { a: 'b' });
  const { items } = (await request(server, CONFIG_MAPS)).json;
  assert.deepEqual(
    items.map((item: KubeObject) => item.metadata.name),
    ['seed'],
  );
});
