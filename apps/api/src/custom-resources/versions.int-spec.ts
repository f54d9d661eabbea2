import assert from 'node:assert/strict';
import { type TestServer, testServer, WatchReader } from '#testing';
import { CRDS, conditions, DefinitionClient, definition, version } from './testing/definitions.js';
import { PaintWebhook } from './testing/webhook.js';

const at = (name: string) => `/apis/example.com/${name}/namespaces/default/widgets`;

function widget(name: string, spec: object, apiVersion = 'v1', metadata: object = {}): object {
  return { apiVersion: `example.com/${apiVersion}`, kind: 'Widget', metadata: { name, ...metadata }, spec };
}

const PAINT = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { paint: { type: 'string' }, size: { type: 'integer' } } },
    },
  },
};

const WEBHOOK = {
  strategy: 'Webhook',
  webhook: {
    clientConfig: { service: { namespace: 'default', name: 'converter', path: '/convert' } },
    conversionReviewVersions: ['v1'],
  },
};

describe('versions of a custom resource', () => {
  let server: TestServer;
  let api: DefinitionClient;
  const webhook = new PaintWebhook();
  beforeAll(async () => {
    server = await testServer({ webhooks: webhook });
    api = new DefinitionClient(server);
  });
  beforeEach(() => {
    webhook.calls.length = 0;
    webhook.answer = undefined;
    webhook.gate = undefined;
  });
  afterEach(async () => {
    webhook.answer = undefined;
    await api.removeAll();
  });
  afterAll(() => server.close());

  const change = (patch: object) => api.merge(`${CRDS}/widgets.example.com`, patch);

  describe('that differ in name alone', () => {
    const versions = [version('v1', { storage: true }), version('v2'), version('v1beta1', { deprecated: true })];

    test('show the same objects, each under its own apiVersion', async () => {
      await api.establish(definition({ versions }));
      await api.ok('POST', at('v2'), widget('a', { color: 'red' }, 'v2'));
      assert.deepEqual((await api.get(`${at('v1')}/a`)).apiVersion, 'example.com/v1');
      const list = await api.get(at('v2'));
      assert.deepEqual([list.apiVersion, list.items[0].apiVersion], ['example.com/v2', 'example.com/v2']);
      const watch = await WatchReader.open(server, `${at('v2')}?watch=1`);
      assert.equal((await watch.next())?.object.apiVersion, 'example.com/v2');
      await api.merge(`${at('v1')}/a`, { spec: { color: 'blue' } });
      const event = await watch.next();
      assert.deepEqual([event?.object.apiVersion, event?.object.spec.color], ['example.com/v2', 'blue']);
      watch.close();
    });

    test('come in discovery with the newest stable one first, and warn when they are deprecated', async () => {
      await api.establish(definition({ versions }));
      const group = await api.get('/apis/example.com');
      assert.deepEqual(
        group.versions.map((item: any) => item.version),
        ['v2', 'v1', 'v1beta1'],
      );
      assert.equal(group.preferredVersion.version, 'v2');
      const { request } = await import('#testing');
      const { headers } = await request(server, at('v1beta1'));
      assert.match(
        String(headers['warning']),
        /299 - "example.com\/v1beta1 Widget is deprecated; use example.com\/v2 Widget"/,
      );
    });

    test('may be stored as another one from now on: what is stored stays readable, and is written anew', async () => {
      await api.establish(definition({ versions }));
      await api.ok('POST', at('v1'), widget('old', { color: 'red' }));
      const switched = await change({ spec: { versions: [version('v1'), version('v2', { storage: true })] } });
      assert.deepEqual(switched.status.storedVersions, ['v1', 'v2']);
      const hash = async () => (await api.get('/apis/example.com/v2')).resources[0].storageVersionHash;
      await api.until('widgets.example.com', () => true);
      assert.ok(await hash());
      for (const name of ['v1', 'v2']) {
        const { items } = await api.get(at(name));
        assert.deepEqual(
          items.map((item: any) => [item.apiVersion, item.spec.color]),
          [[`example.com/${name}`, 'red']],
        );
      }
      const written = await api.merge(`${at('v1')}/old`, { spec: { color: 'blue' } });
      assert.deepEqual([written.apiVersion, written.spec.color], ['example.com/v1', 'blue']);
      assert.equal((await api.get(`${at('v2')}/old`)).spec.color, 'blue');
    });

    test('that objects are stored in cannot be dropped', async () => {
      await api.establish(definition({ versions }));
      const { code, json } = await api.ask(
        'PATCH',
        `${CRDS}/widgets.example.com`,
        { spec: { versions: [version('v2', { storage: true })] } },
        { 'content-type': 'application/merge-patch+json' },
      );
      assert.equal(code, 422);
      assert.match(json.message, /status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions/);
    });

    test('are nowhere when they are not served', async () => {
      await api.establish(definition({ versions: [version('v1', { storage: true }), version('v2')] }));
      await api.ok('POST', at('v2'), widget('a', { color: 'red' }, 'v2'));
      await change({ spec: { versions: [version('v1', { storage: true, served: false }), version('v2')] } });
      await untilCode(404, at('v1'));
      assert.equal((await api.get(`${at('v2')}/a`)).spec.color, 'red');
      await change({ spec: { versions: [version('v1', { storage: true, served: false })] } });
      await untilCode(404, at('v2'));
    });

    test('are applied to by managers of several versions', async () => {
      await api.establish(definition({ versions: [version('v1', { storage: true }), version('v2')] }));
      await api.apply(`${at('v1')}/a`, widget('a', { color: 'red' }), 'first');
      await api.apply(`${at('v2')}/a`, widget('a', { size: 3 }, 'v2'), 'second');
      const both = await api.get(`${at('v1')}/a`);
      assert.deepEqual(both.spec, { color: 'red', size: 3 });
      assert.deepEqual(
        both.metadata.managedFields.map(({ manager, apiVersion }: any) => [manager, apiVersion]),
        [
          ['first', 'example.com/v1'],
          ['second', 'example.com/v2'],
        ],
      );
      const headers = { 'content-type': 'application/apply-patch+yaml' };
      const { code } = await api.ask(
        'PATCH',
        `${at('v2')}/a?fieldManager=third`,
        widget('a', { color: 'blue' }, 'v2'),
        headers,
      );
      assert.equal(code, 409);
    });
  });

  async function untilCode(code: number, path: string): Promise<void> {
    for (let attempt = 0; (await api.ask('GET', path)).code !== code; attempt++) {
      assert.ok(attempt < 250, `${path} is not ${code}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  describe('that a webhook converts', () => {
    const selectable = (jsonPath: string) => ({ selectableFields: [{ jsonPath }] });
    const versions = [
      version('v1', selectable('.spec.color')),
      version('v2', { storage: true, schema: PAINT, ...selectable('.spec.paint') }),
    ];
    const establish = () => api.establish(definition({ versions, conversion: WEBHOOK }));

    test('are written through one and read through the other', async () => {
      await establish();
      const made = await api.ok('POST', at('v1'), widget('a', { color: 'red', size: 1 }));
      assert.deepEqual([made.apiVersion, made.spec], ['example.com/v1', { color: 'red', size: 1 }]);
      assert.deepEqual((await api.get(`${at('v2')}/a`)).spec, { paint: 'red', size: 1 });
      assert.deepEqual(webhook.address?.service, {
        namespace: 'default',
        name: 'converter',
        path: '/convert',
        port: 443,
      });
      const patched = await api.merge(`${at('v1')}/a`, { spec: { color: 'blue' }, metadata: { labels: { a: 'b' } } });
      assert.equal(patched.spec.color, 'blue');
      assert.deepEqual((await api.get(`${at('v2')}/a`)).metadata.labels, { a: 'b' });
    });

    test('are listed by fields of each version', async () => {
      await establish();
      for (const [name, paint] of Object.entries({ a: 'red', b: 'blue', c: 'red' })) {
        await api.ok('POST', at('v2'), widget(name, { paint }, 'v2'));
      }
      const names = async (path: string) => (await api.get(path)).items.map((item: any) => item.metadata.name);
      assert.deepEqual(await names(`${at('v2')}?fieldSelector=spec.paint%3Dred`), ['a', 'c']);
      assert.deepEqual(await names(`${at('v1')}?fieldSelector=spec.color%3Dred`), ['a', 'c']);
      assert.deepEqual(await names(`${at('v1')}?fieldSelector=spec.color%3Dred&limit=1`), ['a']);
      assert.deepEqual(webhook.calls, ['v1 3']);
      const { code } = await api.ask('GET', `${at('v1')}?fieldSelector=spec.paint%3Dred`);
      assert.equal(code, 400);
    });

    test('are watched by fields of each version', async () => {
      await establish();
      const watch = await WatchReader.open(server, `${at('v1')}?watch=1&fieldSelector=spec.color%3Dred`);
      await api.ok('POST', at('v2'), widget('a', { paint: 'blue' }, 'v2'));
      await api.ok('POST', at('v2'), widget('b', { paint: 'red' }, 'v2'));
      const added = await watch.next();
      assert.deepEqual([added?.type, added?.object.metadata.name, added?.object.spec.color], ['ADDED', 'b', 'red']);
      await api.merge(`${at('v2')}/b`, { spec: { paint: 'blue' } });
      assert.equal((await watch.next())?.type, 'DELETED');
      watch.close();
    });

    test('are converted once for all who watch', async () => {
      await establish();
      const watches = await Promise.all([1, 2, 3].map(() => WatchReader.open(server, `${at('v1')}?watch=1`)));
      let open = () => {};
      webhook.gate = new Promise((resolve) => {
        open = resolve;
      });
      await api.ok('POST', at('v2'), widget('a', { paint: 'red' }, 'v2'));
      open();
      for (const watch of watches) {
        assert.equal((await watch.next())?.object.spec.color, 'red');
        watch.close();
      }
      assert.deepEqual(webhook.calls, ['v1 1']);
    });

    test('are converted anew when the definition has another webhook', async () => {
      await establish();
      await api.ok('POST', at('v2'), widget('a', { paint: 'red' }, 'v2'));
      assert.equal((await api.get(`${at('v1')}/a`)).spec.color, 'red');
      webhook.answer = ({ request }) => ({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'ConversionReview',
        response: {
          uid: request.uid,
          result: { status: 'Success' },
          convertedObjects: request.objects.map((object: any) => ({
            ...object,
            apiVersion: request.desiredAPIVersion,
            spec: { color: 'green' },
          })),
        },
      });
      const other = { ...WEBHOOK.webhook.clientConfig.service, name: 'other' };
      await change({ spec: { conversion: { webhook: { clientConfig: { service: other } } } } });
      for (let attempt = 0; (await api.get(`${at('v1')}/a`)).spec.color !== 'green'; attempt++)
        assert.ok(attempt < 100);
      assert.equal(webhook.address?.service?.name, 'other');
    });

    const FAILED = 'conversion webhook for example.com/v2, Kind=Widget';
    const answered = (more: object, uid?: string) => (review: any) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'ConversionReview',
      response: { uid: uid ?? review.request.uid, result: { status: 'Success' }, ...more },
    });
    const converted = (change: (object: any) => object) => (review: any) =>
      answered({
        convertedObjects: review.request.objects.map((object: any) =>
          change({ ...object, apiVersion: review.request.desiredAPIVersion }),
        ),
      })(review);
    const named = (name: string) => converted((object) => ({ ...object, metadata: { ...object.metadata, name } }));
    const cases: [what: string, answer: (review: any) => unknown, message: RegExp | string][] = [
      [
        'fails',
        () => {
          throw new Error('Post "https://converter": EOF');
        },
        `${FAILED} failed: Post "https://converter": EOF`,
      ],
      ['answers something else', () => 'rubbish', `${FAILED} failed: no response provided`],
      [
        'answers another kind',
        () => ({ apiVersion: 'v1', kind: 'Pod' }),
        `${FAILED} failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got v1, Kind=Pod`,
      ],
      ['answers another question', answered({}, 'x'), /failed: expected response\.uid="[-0-9a-f]+", got "x"$/],
      ['refuses', answered({ result: { status: 'Failure', message: 'no paint' } }), `${FAILED} failed: no paint`],
      [
        'says nothing of the result',
        answered({ result: {} }),
        `${FAILED} failed: response.result.status was '', not 'Success'`,
      ],
      ['loses objects', answered({ convertedObjects: [] }), `${FAILED} returned 0 objects, expected 1`],
      [
        'gives another version',
        converted((object) => ({ ...object, apiVersion: 'example.com/v9' })),
        `${FAILED} returned invalid object at index 0: invalid groupVersion (expected example.com/v1, received example.com/v9)`,
      ],
      [
        'gives another kind',
        converted((object) => ({ ...object, kind: 'Gadget' })),
        `${FAILED} returned invalid object at index 0: invalid kind (expected Widget, received Gadget)`,
      ],
      ['renames', named('b'), `${FAILED} returned invalid object: must have the same name: a != b`],
      [
        'gives labels that are none',
        converted((object) => ({ ...object, metadata: { ...object.metadata, labels: { a: 1 } } })),
        `${FAILED} returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object`,
      ],
    ];
    test.each(cases)('say why when the webhook %s', async (_what, answer, message) => {
      await establish();
      await api.ok('POST', at('v2'), widget('a', { paint: 'red' }, 'v2'));
      webhook.answer = answer;
      const { code, json } = await api.ask('GET', `${at('v1')}/a`);
      assert.equal(code, 500);
      if (typeof message === 'string') assert.equal(json.message, message);
      else assert.match(json.message, message);
      assert.equal((await api.get(`${at('v2')}/a`)).spec.paint, 'red', 'the other version goes on');
    });

    test('keep the metadata, whatever the webhook makes of it, but for labels and annotations', async () => {
      await establish();
      await api.ok('POST', at('v2'), widget('a', { paint: 'red' }, 'v2', { finalizers: ['example.com/x'] }));
      webhook.answer = converted((object) => ({
        ...object,
        metadata: { ...object.metadata, finalizers: ['other'], generation: 99, labels: { a: 'b' } },
      }));
      const { metadata } = await api.get(`${at('v1')}/a`);
      assert.deepEqual([metadata.finalizers, metadata.generation, metadata.labels], [['example.com/x'], 1, { a: 'b' }]);
      webhook.answer = undefined;
      await api.merge(`${at('v2')}/a`, { metadata: { finalizers: null } });
    });

    test('are established only with an authority that can be read', async () => {
      const clientConfig = { ...WEBHOOK.webhook.clientConfig, caBundle: Buffer.from('rubbish').toString('base64') };
      const conversion = { ...WEBHOOK, webhook: { ...WEBHOOK.webhook, clientConfig } };
      const made = await api.ask('POST', CRDS, definition({ versions, conversion }));
      if (made.code === 201) {
        // It may be Installing before the authority is looked at.
        const refused = 'Established=False InvalidCABundle';
        await api.until('widgets.example.com', (read) => conditions(read)[1] === refused);
      } else assert.equal(made.code, 422);
    });
  });
});
