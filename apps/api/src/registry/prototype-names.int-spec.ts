import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Answer, call, type Sent, type TestServer, testServer, WatchReader } from '#testing';

/** Members of every object: none of them is there unless somebody wrote it, and what was written stays. */
const NAMES = Object.getOwnPropertyNames(Object.prototype);
const MAPS = '/api/v1/namespaces/default/configmaps';
const SECRETS = '/api/v1/namespaces/default/secrets';

type Data = [key: string, value: string][];

/** JSON text by hand: an object literal would not hold all of the keys. */
function json(data: Iterable<readonly [string, unknown]>): string {
  return `{${[...data].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

const sorted = (entries: Iterable<readonly [string, unknown]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

describe('names that every object inherits', () => {
  let api: TestServer;
  let made = 0;

  beforeAll(async () => {
    api = await testServer();
  });
  afterAll(() => api.close());

  const ask = (path: string, sent: Sent = {}): Promise<Answer> => call(api, path, sent);
  const post = (path: string, body: string) =>
    ask(path, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
  const patch = (path: string, type: string, body: string) =>
    ask(path, { method: 'PATCH', body, headers: { 'Content-Type': `application/${type}` } });
  const fresh = () => `made-${++made}`;
  const configMap = (name: string, data: string, metadata = '') =>
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"${metadata}},"data":${data}}`;

  async function holds(path: string, field: string, expected: Iterable<readonly [string, unknown]>): Promise<void> {
    const { code, json: object } = await ask(path);
    assert.equal(code, 200);
    assert.deepEqual(sorted(Object.entries(object[field] ?? {})), sorted(expected));
  }

  test('are keys of a ConfigMap like any other, through every way of writing', async () => {
    const key = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...NAMES) }, fc.constantFrom('a', 'b', 'c'));
    const value = fc.constantFrom('x', 'y', 'z');
    const data: fc.Arbitrary<Data> = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 6 });
    const step = fc.oneof(
      fc.record({ how: fc.constant('put' as const), data }),
      fc.record({ how: fc.constant('merge' as const), data, gone: fc.array(key, { maxLength: 2 }) }),
      fc.record({ how: fc.constant('strategic' as const), data, gone: fc.array(key, { maxLength: 2 }) }),
      fc.record({ how: fc.constant('json' as const), data, gone: fc.array(key, { maxLength: 2 }) }),
    );
    await fc.assert(
      fc.asyncProperty(data, fc.array(step, { minLength: 1, maxLength: 5 }), async (first, steps) => {
        const name = fresh();
        const path = `${MAPS}/${name}`;
        assert.equal((await post(MAPS, configMap(name, json(first)))).code, 201);
        let model = new Map(first);
        for (const { how, ...given } of steps) {
          let answer: Answer;
          if (how === 'put') {
            model = new Map(given.data);
            const headers = { 'Content-Type': 'application/json' };
            answer = await ask(path, { method: 'PUT', body: configMap(name, json(model)), headers });
          } else {
            const gone =
              'gone' in given ? given.gone.filter((item) => !given.data.some(([other]) => other === item)) : [];
            if (how === 'json') {
              const operations = [
                { op: 'add', path: '/data', value: Object.fromEntries(model) },
                ...given.data.map(([item, text]) => ({ op: 'add', path: `/data/${item}`, value: text })),
                ...[...new Set(gone)]
                  .filter((item) => model.has(item))
                  .map((item) => ({ op: 'remove', path: `/data/${item}` })),
              ];
              answer = await patch(path, 'json-patch+json', JSON.stringify(operations));
            } else {
              const change = json([...given.data, ...gone.map((item) => [item, null] as const)]);
              const type = how === 'merge' ? 'merge-patch+json' : 'strategic-merge-patch+json';
              answer = await patch(path, type, `{"data":${change}}`);
            }
            for (const [item, text] of given.data) model.set(item, text);
            for (const item of gone) model.delete(item);
          }
          assert.equal(answer.code, 200, answer.body.toString());
          await holds(path, 'data', model);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('are owned by who wrote them, and by nobody once they are gone', async () => {
    const name = fresh();
    const path = `${MAPS}/${name}`;
    const all = NAMES.map((key) => [key, 'x'] as const);
    const owned = (answer: Answer, manager: string) => {
      const entry = answer.json.metadata.managedFields?.find((item: any) => item.manager === manager);
      return Object.keys(entry?.fieldsV1['f:data'] ?? {}).filter((item) => item !== '.');
    };
    const nulls = NAMES.map((key) => [key, null] as const);
    const elements = NAMES.map((key) => `f:${key}`).sort();
    const created = await post(`${MAPS}?fieldManager=maker`, configMap(name, json([...all, ['kept', 'x']])));
    assert.deepEqual(owned(created, 'maker'), [...elements, 'f:kept'].sort());
    const emptied = await patch(`${path}?fieldManager=taker`, 'merge-patch+json', `{"data":${json(nulls)}}`);
    assert.deepEqual(owned(emptied, 'maker'), ['f:kept']);
    const added = await patch(`${path}?fieldManager=giver`, 'merge-patch+json', `{"data":${json(all)}}`);
    assert.deepEqual(owned(added, 'giver'), elements);
  });

  test('are applied, taken back and fought over by server-side apply', async () => {
    const name = fresh();
    const path = `${MAPS}/${name}`;
    const all = NAMES.map((key) => [key, 'x'] as const);
    const apply = (manager: string, data: Iterable<readonly [string, unknown]>) =>
      patch(`${path}?fieldManager=${manager}`, 'apply-patch+yaml', configMap(name, json(data)));
    assert.equal((await apply('one', all)).code, 201);
    await holds(path, 'data', all);
    const fought = await apply(
      'two',
      all.map(([key]) => [key, 'y'] as const),
    );
    assert.equal(fought.code, 409);
    assert.equal(fought.json.details.causes.length, NAMES.length);
    assert.equal((await apply('one', all.slice(0, 2))).code, 200);
    await holds(path, 'data', all.slice(0, 2));
  });

  test('are kept in stringData, whose fields are those of data', async () => {
    const all = NAMES.map((key) => [key, `of ${key}`] as const);
    const encoded = all.map(([key, text]) => [key, Buffer.from(text).toString('base64')] as const);
    const secret = (name: string) =>
      `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"${name}"},"stringData":${json(all)}}`;
    const name = fresh();
    const answer = await post(SECRETS, secret(name));
    assert.equal(answer.code, 201);
    assert.deepEqual(Object.keys(answer.json.metadata.managedFields[0].fieldsV1), ['f:data', 'f:type']);
    await holds(`${SECRETS}/${name}`, 'data', encoded);
    const other = fresh();
    await post(SECRETS, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"${other}"}}`);
    const patched = await patch(
      `${SECRETS}/${other}?fieldManager=p`,
      'merge-patch+json',
      `{"stringData":${json(all)}}`,
    );
    assert.equal(patched.code, 200);
    const mine = patched.json.metadata.managedFields.find((item: any) => item.manager === 'p');
    assert.deepEqual(Object.keys(mine.fieldsV1), ['f:data']);
    await holds(`${SECRETS}/${other}`, 'data', encoded);
  });

  test('or other odd things in place of a type or of metadata are refused with a reason', async () => {
    const name = fresh();
    await post(MAPS, configMap(name, '{}'));
    const odd = ['{"toString":1,"valueOf":1}', '[{"toString":1}]', '{"__proto__":{"x":1}}', '1', 'true', '[]', '{}'];
    for (const value of odd) {
      for (const member of ['apiVersion', 'kind', 'metadata']) {
        const fields = { apiVersion: '"v1"', kind: '"ConfigMap"', metadata: `{"name":"${name}"}`, [member]: value };
        const body = `{${Object.entries(fields)
          .map(([field, text]) => `"${field}":${text}`)
          .join(',')}}`;
        const answers = [
          await patch(`${MAPS}/${name}`, 'merge-patch+json', body),
          await patch(`${MAPS}/${name}`, 'strategic-merge-patch+json', body),
          await patch(`${MAPS}/${name}?fieldManager=x`, 'apply-patch+yaml', body),
          await patch(`${MAPS}/${name}`, 'json-patch+json', `[{"op":"add","path":"/${member}","value":${value}}]`),
          await patch(`${MAPS}/${name}`, 'json-patch+json', `[{"op":${value},"path":${value}}]`),
          await post(MAPS, body),
          await patch(
            `${MAPS}/${name}?fieldManager=x`,
            'apply-patch+yaml',
            configMap(name, '{}').replace(`"${name}"`, value),
          ),
        ];
        // The reference refuses applied fields that the type does not have with this code.
        const isMisfit = ({ code, json: { message } }: (typeof answers)[number]) =>
          code === 500 && /^failed to create typed patch object .*: field not declared in schema$/.test(message);
        for (const answer of answers) {
          assert.ok(answer.code < 500 || isMisfit(answer), `${body}: ${answer.code} ${answer.body}`);
        }
      }
    }
  });

  test('are labels to select by where they are good names, and 422 where they are not', async () => {
    for (const key of NAMES) {
      const name = fresh();
      const body = configMap(name, '{}', `,"labels":${json([[key, 'x']])},"annotations":${json([[key, 'x']])}`);
      const good = /^[A-Za-z0-9].*[A-Za-z0-9]$/.test(key);
      const answer = await post(MAPS, body);
      assert.equal(answer.code, good ? 201 : 422, `${key}: ${answer.body}`);
      if (!good) continue;
      const found = async (selector: string) => {
        const list = await ask(`${MAPS}?labelSelector=${encodeURIComponent(selector)}`);
        assert.equal(list.code, 200);
        return list.json.items.map((item: any) => item.metadata.name as string);
      };
      assert.deepEqual(await found(key), [name]);
      assert.deepEqual(await found(`${key}=x`), [name]);
      assert.deepEqual(await found(`${key} in (x,y)`), [name]);
      assert.equal((await found(`!${key}`)).includes(name), false);
      assert.equal((await found(`${key}!=x`)).includes(name), false);
    }
    const watch = await WatchReader.open(api, `${MAPS}?watch=1&labelSelector=constructor`);
    assert.equal((await watch.next())?.object.metadata.labels.constructor, 'x');
    watch.close();
  });

  test('are refused with a reason wherever else a client may write them, and never break the server', async () => {
    const pod = (spec: string) =>
      `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${fresh()}"},"spec":{"containers":[{"name":"c","image":"i"}]${spec}}}`;
    for (const key of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      const member = json([[key, '1']]);
      const bodies: [path: string, body: string][] = [
        [
          MAPS,
          `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${fresh()}"},"binaryData":${json([[key, 'eA==']])}}`,
        ],
        [MAPS, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${fresh()}"},${JSON.stringify(key)}:{}}`],
        ['/api/v1/namespaces/default/pods', pod(`,"nodeSelector":${member}`)],
        ['/api/v1/namespaces/default/pods', pod(`,"overhead":${member}`)],
        ['/api/v1/namespaces/default/pods', pod(`,"resources":{"limits":${member}}`)],
        [
          '/api/v1/namespaces/default/pods',
          `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${fresh()}"},"spec":{"containers":[{"name":"c","image":"i","env":[{"name":${JSON.stringify(key)},"value":"x"}],"resources":{"limits":${member},"requests":${member}}}]}}`,
        ],
        [
          '/api/v1/namespaces/default/limitranges',
          `{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"${fresh()}"},"spec":{"limits":[{"type":"Container","max":${member},"default":${member}}]}}`,
        ],
        [
          '/api/v1/namespaces/default/resourcequotas',
          `{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"${fresh()}"},"spec":{"hard":${member}}}`,
        ],
        [
          '/api/v1/namespaces/default/services',
          `{"apiVersion":"v1","kind":"Service","metadata":{"name":"${fresh()}"},"spec":{"selector":${member},"ports":[{"port":80}]}}`,
        ],
        [
          '/apis/batch/v1/namespaces/default/cronjobs',
          `{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"${fresh()}"},"spec":{"schedule":"@${key}","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}}}`,
        ],
        [
          '/apis/authorization.k8s.io/v1/subjectaccessreviews',
          `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","metadata":{},"spec":{"user":${JSON.stringify(key)},"extra":${json([[key, ['x']]])},"resourceAttributes":{"verb":${JSON.stringify(key)},"resource":${JSON.stringify(key)},"subresource":${JSON.stringify(key)}}}}`,
        ],
        [
          '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings',
          `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"${fresh()}"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":${JSON.stringify(key)},"name":"x"},"subjects":[]}`,
        ],
        [
          '/api/v1/namespaces/default/serviceaccounts/default/token',
          `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","metadata":{},"spec":{"boundObjectRef":{"apiVersion":"v1","kind":${JSON.stringify(key)},"name":"x"}}}`,
        ],
      ];
      for (const [path, body] of bodies) {
        const { code, body: answer } = await post(path, body);
        assert.ok(code < 500, `${key}: ${body}: ${code} ${answer}`);
      }
      const reads = [
        `${MAPS}?fieldSelector=${key}%3Dx`,
        `${MAPS}?${key}=x`,
        `${MAPS}/${key}`,
        `${MAPS}/x/${key}`,
        `/apis/${key}`,
        `/apis/${key}/v1/${key}`,
      ];
      for (const path of reads) {
        const { code, body } = await ask(path);
        assert.ok(code < 500, `${path}: ${code} ${body}`);
      }
      const table = await ask(MAPS, { headers: { Accept: `application/json;as=Table;v=v1;g=meta.k8s.io;${key}=x` } });
      assert.ok(table.code < 500, `${key}: ${table.body}`);
      const extra = await ask(MAPS, { headers: { 'Impersonate-User': 'x', [`Impersonate-Extra-${key}`]: 'x' } });
      assert.equal(extra.code, 403, `${key}: ${extra.body}`);
    }
  });
});
