import assert from 'node:assert/strict';
import { gvr } from '#kinds';
import { request, type Sent, type TestServer, testServer } from '#testing';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const SEED = `${CONFIG_MAPS}/seed`;

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server.client().create(gvr.configmaps, 'default', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'seed' },
    data: { a: 'b' },
  });
});
afterAll(() => server.close());

const patch = (type: string, body: string): Sent & { path: string } => ({
  path: `${SEED}?fieldManager=test`,
  method: 'PATCH',
  body,
  headers: { 'Content-Type': `application/${type}` },
});

/** Bodies with an unknown and a repeated field, and how each is told. */
const FIELDS: [what: string, sent: Sent & { path?: string }, problems: string[], strict: string, code: number][] = [
  [
    'POST of JSON',
    {
      method: 'POST',
      path: CONFIG_MAPS,
      body: '{"kind":"ConfigMap","metadata":{"name":"n","nme":1},"data":{"a":"1","a":"2"},"dta":{}}',
    },
    ['unknown field "metadata.nme"', 'duplicate field "data.a"', 'unknown field "dta"'],
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ',
    400,
  ],
  [
    'POST of YAML',
    {
      method: 'POST',
      path: CONFIG_MAPS,
      body: 'kind: ConfigMap\nmetadata:\n  name: new\ndata:\n  a: "1"\n  a: "2"\ndta: {}\n',
      headers: { 'Content-Type': 'application/yaml' },
    },
    ['line 6: key "a" already set in map', 'unknown field "dta"'],
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  ',
    400,
  ],
  [
    'PUT',
    { method: 'PUT', body: '{"kind":"ConfigMap","metadata":{"name":"seed"},"data":{"a":"b","a":"b"},"dta":{}}' },
    ['duplicate field "data.a"', 'unknown field "dta"'],
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ',
    400,
  ],
  [
    'merge patch',
    patch('merge-patch+json', '{"dta":{},"data":{"a":"b","a":"b"}}'),
    ['duplicate field "data.a"', 'unknown field "dta"'],
    'strict decoding error: ',
    422,
  ],
  [
    'strategic patch',
    patch('strategic-merge-patch+json', '{"dta":{},"data":{"a":"b","a":"b"}}'),
    ['duplicate field "data.a"', 'unknown field "dta"'],
    'strict decoding error: ',
    422,
  ],
  [
    'JSON patch',
    patch('json-patch+json', '[{"op":"add","op":"add","path":"/dta","value":{},"vlue":1}]'),
    ['json patch duplicate field "[0].op"', 'json patch unknown field "[0].vlue"', 'unknown field "dta"'],
    'strict decoding error: ',
    422,
  ],
  [
    'apply',
    patch('apply-patch+yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: seed\n  name: seed\n'),
    ['line 5: key "name" already set in map'],
    'error strict decoding patch: error converting YAML to JSON: yaml: unmarshal errors:\n  ',
    400,
  ],
];

describe('unknown and repeated fields', () => {
  for (const [what, { path = SEED, ...sent }, problems, strict, code] of FIELDS) {
    const ask = (validation: string) =>
      request(server, `${path}${path.includes('?') ? '&' : '?'}dryRun=All${validation}`, sent);

    test(`${what}, Strict: refused, all at once`, async () => {
      const answer = await ask('&fieldValidation=Strict');
      assert.equal(answer.code, code, answer.body.toString());
      const text: string = answer.json.message;
      assert.ok(text.endsWith(`${strict}${problems.join(', ')}`), text);
    });
    for (const validation of ['&fieldValidation=Warn', '']) {
      test(`${what}, ${validation ? 'Warn' : 'nothing said'}: a warning each`, async () => {
        const answer = await ask(validation);
        assert.ok(answer.code < 300, answer.body.toString());
        const expected = problems.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`).join(', ');
        assert.equal(answer.headers.warning, expected);
        assert.equal(answer.json.dta, undefined);
      });
    }
    test(`${what}, Ignore: passed over`, async () => {
      const answer = await ask('&fieldValidation=Ignore');
      assert.ok(answer.code < 300, answer.body.toString());
      assert.equal(answer.headers.warning, undefined);
      assert.equal(answer.json.dta, undefined);
    });
  }
});

describe('an applied configuration that does not fit its type', () => {
  const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: seed\n';
  const refused = (what: string, text: string) =>
    `failed to create typed patch object (/seed; /v1, Kind=ConfigMap): ${text}${what}`;

  for (const validation of ['Strict', 'Warn', 'Ignore']) {
    test(`${validation}: refused`, async () => {
      const { path, ...sent } = patch('apply-patch+yaml', `${configMap}  nme: seed\ndta: {}\n`);
      const answer = await request(server, `${path}&dryRun=All&fieldValidation=${validation}`, sent);
      assert.equal(answer.code, 500, answer.body.toString());
      const [first, second] = ['.metadata.nme', '.dta'].map((at) => `  ${at}: field not declared in schema`);
      assert.equal(answer.json.message, refused(`\n${first}\n${second}`, 'errors:'));
      assert.equal(answer.json.reason, undefined);
    });
  }
});
