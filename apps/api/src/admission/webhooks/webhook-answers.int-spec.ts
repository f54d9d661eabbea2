import assert from 'node:assert/strict';
import { once } from 'node:events';
import { call, request, testServer, WatchReader } from '#testing';
import {
  addData,
  CONFIG_MAPS,
  CONFIGURATIONS,
  configMap,
  failing,
  is,
  on,
  patchOf,
  reply,
  WebhookScene,
} from './testing/webhook-scene.js';

describe('admission webhooks', () => {
  const scene = new WebhookScene();
  const { network, post, register } = scene;

  describe('what they change', () => {
    test('one after the other, by the names of the configurations; the result is decoded, defaulted and validated', async () => {
      await register('mutating', 'b-second', {});
      await register('mutating', 'a-first', {}, {});
      scene.hook.handle = (body, _, { url }) => {
        const name = url!.slice(1, url!.indexOf('?'));
        const seen = Object.keys(body.request.object.data).sort().join();
        return reply(addData(name, seen))(body);
      };
      const made = await post(CONFIG_MAPS, configMap('ordered', { data: { x: '' } }));
      is(made, 201);
      assert.deepEqual(made.json.data, {
        x: '',
        'a-first': 'x',
        'a-first-1': 'a-first,x',
        'b-second': 'a-first,a-first-1,x',
      });
      const owned = JSON.stringify(made.json.metadata.managedFields);
      assert.ok(!owned.includes('a-first'), "what webhooks set is nobody's");
      scene.hook.handle = reply(
        patchOf({ op: 'add', path: '/nonsense', value: 1 }, { op: 'add', path: '/data/x', value: 'y' }),
      );
      const pruned = await post(CONFIG_MAPS, configMap('pruned', { data: { x: '' } }));
      is(pruned, 201);
      assert.deepEqual([pruned.json.nonsense, pruned.json.data], [undefined, { x: 'y' }]);
      scene.hook.handle = reply(patchOf({ op: 'add', path: '/metadata/labels', value: { 'bad key': '' } }));
      is(await post(CONFIG_MAPS, configMap('invalid')), 422, /metadata.labels: Invalid value: "bad key"/);
    });

    test('IfNeeded: those that may be called again are when a later one changes the object, once', async () => {
      await register('mutating', 'a', { reinvocationPolicy: 'IfNeeded' });
      await register('mutating', 'b', {});
      await register('mutating', 'c', { reinvocationPolicy: 'IfNeeded' });
      scene.hook.handle = (body, _, { url }) => {
        const [name] = /(?<=\/)\w+/.exec(url!)!;
        const { data } = body.request.object;
        return reply(addData(name!, `${data[name!] ?? ''}+`))(body);
      };
      const made = await post(CONFIG_MAPS, configMap('reinvoked', { data: { x: '' } }));
      is(made, 201);
      assert.deepEqual(
        scene.hook.paths.map((path) => path[1]),
        ['a', 'b', 'c', 'a', 'c'],
      );
      assert.deepEqual(made.json.data, { x: '', a: '++', b: '+', c: '++' });
    });

    test('plugins of the server see what webhooks made of a pod, without doing their part twice', async () => {
      await register('mutating', 'pods', { rules: [on(['pods'])], reinvocationPolicy: 'IfNeeded' });
      scene.hook.handle = (body) => {
        const { containers } = body.request.object.spec;
        if (containers.length > 1) return reply({ allowed: true })(body);
        const sidecar = { name: 'sidecar', image: 's' };
        return reply(patchOf({ op: 'add', path: '/spec/containers/-', value: sidecar }))(body);
      };
      const pod = { metadata: { name: 'injected' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
      const made = await post('/api/v1/namespaces/default/pods', pod);
      is(made, 201);
      const { containers, volumes } = made.json.spec;
      assert.equal(volumes.length, 1);
      for (const { volumeMounts, terminationMessagePolicy } of containers) {
        assert.equal(volumeMounts?.length, 1, 'the token is mounted in the sidecar, too');
        assert.equal(terminationMessagePolicy, 'File');
      }
    });

    test('cannot be what does not fit', async () => {
      await register('mutating', 'wrong', { rules: [on(['configmaps'], ['CREATE', 'DELETE'])] });
      const rows: [object, string | RegExp][] = [
        [
          patchOf({ op: 'remove', path: '/data/none/x' }),
          /^Internal error occurred: remove operation does not apply: doc is missing path: "\/data\/none\/x": missing value$/,
        ],
        [
          patchOf({ op: 'replace', path: '/data', value: 'text' }),
          /^Internal error occurred: json: cannot unmarshal string/,
        ],
        [patchOf({ op: 'replace', path: '/kind', value: 'Secret' }), /converting \(v1\.Secret\) to \(v1\.ConfigMap\)/],
        [
          { allowed: true, patch: Buffer.from('{').toString('base64'), patchType: 'JSONPatch' },
          failing('wrong', 'received undecodable patch in webhook response: unexpected end of JSON input'),
        ],
        [
          { allowed: true, patch: Buffer.from('[]').toString('base64') },
          failing(
            'wrong',
            'received invalid webhook response: webhook returned response.patch but not response.patchType',
          ),
        ],
        [
          { allowed: true, patchType: 'JSONPatch' },
          failing(
            'wrong',
            'received invalid webhook response: webhook returned response.patchType but not response.patch',
          ),
        ],
        [
          { ...patchOf({ op: 'test', path: '/a' }), patchType: 'Merge' },
          failing('wrong', 'unsupported patch type "Merge"'),
        ],
      ];
      for (const [response, message] of rows) {
        scene.hook.handle = reply(response);
        is(await post(CONFIG_MAPS, configMap('unfit', { data: { a: '' } })), 500, message);
      }
      scene.hook.handle = reply({ allowed: true });
      is(await post(CONFIG_MAPS, configMap('unfit')), 201);
      scene.hook.handle = reply(patchOf({ op: 'add', path: '/data', value: {} }));
      is(
        await call(scene.api, `${CONFIG_MAPS}/unfit`, { method: 'DELETE' }),
        500,
        'Internal error occurred: admission webhook "wrong.example.com" attempted to modify the object, which is not supported for this operation',
      );
    });

    test('a connection, before it is made', async () => {
      await register('mutating', 'options', { rules: [on(['pods/exec'], ['CONNECT'])] });
      scene.hook.handle = reply(patchOf({ op: 'remove', path: '/command' }));
      const pod = { metadata: { name: 'p' }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] } };
      await post('/api/v1/namespaces/default/pods', pod);
      const answer = await call(scene.api, '/api/v1/namespaces/default/pods/p/exec?command=sh&stdin=1', {
        method: 'POST',
      });
      is(answer, 400, 'you must specify at least 1 command for the container');
    });

    test('names of prototypes are names', async () => {
      await register('mutating', 'proto', {});
      scene.hook.handle = (body) => {
        const text = JSON.stringify(reply(addData('__proto__'))(body));
        return JSON.parse(text.replace('"uid"', '"auditAnnotations":{"__proto__":"x"},"uid"'));
      };
      const made = await post(CONFIG_MAPS, configMap('proto', { data: { a: '' } }));
      // A key of data may not hold it: what counts is that it is seen.
      is(made, 201);
      assert.deepEqual(Object.keys(made.json.data).sort(), ['__proto__', 'a']);
    });
  });

  describe('what they refuse', () => {
    test('with their own code, reason and message', async () => {
      await register('validating', 'no', {});
      const denied = 'admission webhook "no.example.com" denied the request';
      const rows: [object | undefined, number, string | RegExp][] = [
        [undefined, 400, `${denied} without explanation`],
        [{ code: 418, message: 'because' }, 418, `${denied}: because`],
        [{ code: 200, status: 'Success', reason: 'Reasons' }, 400, `${denied}: Reasons`],
        [{ code: 1e6, message: 'x' }, 500, `${denied}: x`],
        [{ code: 403, reason: 'Forbidden', message: 'x', extra: 1 }, 403, `${denied}: x`],
        [
          { code: '403', message: 'x' },
          500,
          /failed to call webhook: json: cannot unmarshal string .*code of type int32/,
        ],
        [{ message: ['x'] }, 500, /failed to call webhook: json: cannot unmarshal array .*message of type string/],
        [{ details: { causes: 'x' } }, 500, /failed to call webhook: json: cannot unmarshal string .*causes of type/],
        [{ code: 5e9 }, 500, /failed to call webhook: json: cannot unmarshal number .*code of type int32/],
      ];
      for (const [status, code, message] of rows) {
        scene.hook.handle = reply({ allowed: false, ...(status ? { status } : {}) });
        const answer = await post(CONFIG_MAPS, configMap('denied'));
        is(answer, code, message);
        assert.equal(answer.json.status, 'Failure');
      }
      const details = { name: 'n', causes: [{ reason: 'r', message: 'm', odd: 1 }], odd: { a: 1 } };
      scene.hook.handle = reply({ allowed: false, status: { code: 409, details, odd: 1 } });
      const { json } = await post(CONFIG_MAPS, configMap('denied'));
      assert.deepEqual(json.details, { name: 'n', causes: [{ reason: 'r', message: 'm' }] });
      assert.equal(json.odd, undefined);
    });

    test('all are asked at once, and what one refuses is refused', async () => {
      await register('validating', 'many', {}, {}, {});
      let waiting = 0;
      let release: () => void;
      const all = new Promise<void>((resolve) => {
        release = resolve;
      });
      scene.hook.handle = async (body, _, { url }) => {
        waiting += 1;
        if (waiting === 3) release();
        await all;
        return reply({ allowed: !url!.startsWith('/many-1') })(body);
      };
      is(await post(CONFIG_MAPS, configMap('many')), 400, /^admission webhook "many-1.example.com" denied/);
    });

    test('their warnings reach the client', async () => {
      await register('validating', 'warning', {});
      scene.hook.handle = reply({ allowed: true, warnings: ['mind the gap', '', `line\nbreak "quoted"`] });
      const answer = await post(CONFIG_MAPS, configMap('warned'));
      is(answer, 201);
      assert.equal(answer.headers['warning'], '299 - "mind the gap", 299 - "line break \\"quoted\\""');
    });

    test('dry runs are for those without side effects', async () => {
      await register('mutating', 'dry', { sideEffects: 'NoneOnDryRun' });
      is(await post(`${CONFIG_MAPS}?dryRun=All`, configMap('dry')), 201);
      assert.equal(scene.hook.received[0].request.dryRun, true);
      assert.deepEqual(scene.hook.received[0].request.options.dryRun, ['All']);
      is(await call(scene.api, `${CONFIG_MAPS}/dry`), 404);
    });
  });

  describe('when they fail', () => {
    const rows: [string, (response: import('node:http').ServerResponse, body: any) => unknown, string | RegExp][] = [
      [
        'rubbish',
        (response) => void response.end('<html>'),
        /^failed to call webhook: couldn't get version\/kind; json parse error: invalid character '<'/,
      ],
      [
        'another kind of list',
        () => [],
        /^failed to call webhook: couldn't get version\/kind; json parse error: json: cannot unmarshal array/,
      ],
      ['no response', () => ({}), 'received invalid webhook response: webhook response was absent'],
      [
        'a 500',
        (response) => void response.writeHead(500).end('ouch'),
        'failed to call webhook: an error on the server ("ouch") has prevented the request from succeeding',
      ],
      [
        'a redirect',
        (response) => void response.writeHead(307, { Location: '/elsewhere' }).end(),
        'failed to call webhook: the server responded with the status code 307 but did not return more information',
      ],
      ['nothing at all', (response) => void response.destroy(), /^failed to call webhook: Post "https:.*": EOF$/],
      ['half an answer', (response) => void response.write('{', () => response.destroy()), /unexpected EOF$/],
      [
        'another uid',
        (_, body) => reply({ allowed: true, uid: 'other' })(body),
        /^received invalid webhook response: expected response.uid="[0-9a-f-]{36}", got "other"$/,
      ],
      [
        'no kind',
        (_, body) => ({ response: { uid: body.request.uid, allowed: true } }),
        'received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=',
      ],
      [
        'a patch',
        (_, body) => reply(addData('x'))(body),
        'received invalid webhook response: validating webhook may not return response.patch',
      ],
      [
        'a text for a yes',
        (_, body) => reply({ allowed: 'true' })(body),
        'failed to call webhook: json: cannot unmarshal string into Go struct field AdmissionResponse.response.allowed of type bool',
      ],
      [
        'too much',
        (response) => void response.end('x'.repeat(9 * 1024 * 1024)),
        "failed to call webhook: the webhook's response is larger than 8388608 bytes",
      ],
    ];
    test.each(rows)('with %s, Fail refuses and Ignore passes over', async (_, answer, why) => {
      scene.hook.handle = (body, response) => answer(response, body);
      await register('validating', 'fails', {});
      const refused = await post(CONFIG_MAPS, configMap('failed'));
      is(refused, 500);
      assert.equal(refused.json.reason, 'InternalError');
      const prefix = failing('fails', '');
      assert.ok(refused.json.message.startsWith(prefix), refused.json.message);
      const said = refused.json.message.slice(prefix.length);
      if (typeof why === 'string') assert.equal(said, why);
      else assert.match(said, why);
      const name = 'fails';
      await call(scene.api, `${CONFIGURATIONS}/validatingwebhookconfigurations/${name}`, { method: 'DELETE' });
      await register('validating', name, { failurePolicy: 'Ignore' });
      is(await post(`${CONFIG_MAPS}?dryRun=All`, configMap('passed')), 201);
    });

    test('a webhook that hangs is given up in its time, and holds up nobody else', async () => {
      await register('validating', 'hangs', { timeoutSeconds: 1, objectSelector: { matchLabels: { slow: 'yes' } } });
      scene.hook.handle = () => new Promise(() => {});
      const slow = post(CONFIG_MAPS, configMap('slow', {}, { labels: { slow: 'yes' } }));
      is(await post(CONFIG_MAPS, configMap('quick')), 201);
      const url = JSON.stringify(`${scene.hook.url}/hangs?timeout=1s`);
      is(await slow, 500, failing('hangs', `failed to call webhook: Post ${url}: context deadline exceeded`));
    });

    test('a request whose time is up waits for no webhook', async () => {
      await register('mutating', 'late', { timeoutSeconds: 30, failurePolicy: 'Ignore' });
      scene.hook.handle = () => new Promise(() => {});
      is(await post(`${CONFIG_MAPS}?timeout=300ms`, configMap('late')), 504, /^Timeout: request did not complete/);
      is(await call(scene.api, `${CONFIG_MAPS}/late`), 404);
    });

    test('a Service without endpoints is named', async () => {
      const service = { namespace: 'tools', name: 'hook' };
      await register('mutating', 'away', { clientConfig: { service, caBundle: scene.hook.caBundle } });
      is(
        await post(CONFIG_MAPS, configMap('away')),
        500,
        failing(
          'away',
          'failed to call webhook: Post "https://hook.tools.svc:443/?timeout=10s": service "hook" not found',
        ),
      );
    });
  });

  test('metrics count calls, refusals and what was passed over', async () => {
    await register('validating', 'counted', {});
    await register('mutating', 'open', { failurePolicy: 'Ignore' });
    scene.hook.handle = (body, _, { url }) =>
      url!.startsWith('/open') ? {} : reply({ allowed: false, status: { code: 403 } })(body);
    is(await post(CONFIG_MAPS, configMap('counted')), 403);
    const text = (await call(scene.api, '/metrics')).body.toString();
    for (const line of [
      'apiserver_admission_webhook_request_total{name="counted.example.com",type="validating",operation="CREATE",code="403",rejected="true"} 1',
      'apiserver_admission_webhook_rejection_count{name="counted.example.com",type="validating",operation="CREATE",rejection_code="403",error_type="no_error"} 1',
      'apiserver_admission_webhook_fail_open_count{name="open.example.com",type="admit"} 1',
      'apiserver_admission_webhook_admission_duration_seconds_count{name="open.example.com",type="admit",operation="CREATE",rejected="false"} 1',
    ]) {
      assert.ok(
        text.includes(line),
        `${line}\n${text
          .split('\n')
          .filter((other) => other.includes('admission'))
          .join('\n')}`,
      );
    }
  });

  test('a configuration counts at once, and on other replicas when they see it', async () => {
    const other = await testServer({
      databaseUrl: scene.api.databaseUrl,
      dataDir: scene.api.dataDir,
      proxyNetwork: network,
    });
    try {
      const watch = await WatchReader.open(other, `${CONFIGURATIONS}/validatingwebhookconfigurations?watch=true`);
      const next = watch.next();
      scene.hook.handle = reply({ allowed: false });
      await register('validating', 'everywhere', {});
      is(await post(CONFIG_MAPS, configMap('here')), 400);
      assert.equal((await next)?.type, 'ADDED');
      is(await request(other, CONFIG_MAPS, { method: 'POST', body: configMap('there') }), 400);
      await call(scene.api, `${CONFIGURATIONS}/validatingwebhookconfigurations/everywhere`, { method: 'DELETE' });
      assert.equal((await watch.next())?.type, 'DELETED');
      is(await request(other, CONFIG_MAPS, { method: 'POST', body: configMap('there') }), 201);
      watch.close();
    } finally {
      await other.close();
    }
  });

  test('a client that goes away ends the call for its request', async () => {
    await register('validating', 'gone', { timeoutSeconds: 30 });
    const asked = new Promise<import('node:http').ServerResponse>((resolve) => {
      scene.hook.handle = (_, response) => {
        resolve(response);
        return new Promise(() => {});
      };
    });
    const { request: httpsRequest } = await import('node:https');
    const outgoing = httpsRequest(`${scene.api.url}${CONFIG_MAPS}`, {
      ...{ method: 'POST', ca: scene.api.tls.ca, cert: scene.api.tls.cert, key: scene.api.tls.key, agent: false },
      headers: { 'Content-Type': 'application/json' },
    });
    outgoing.on('error', () => {});
    outgoing.end(JSON.stringify(configMap('gone')));
    const response = await asked;
    outgoing.destroy();
    await once(response, 'close');
    is(await call(scene.api, `${CONFIG_MAPS}/gone`), 404);
  });
});
