import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Answer, call, request, type Sent, type TestServer, testServer, WatchReader } from '#testing';
import { localNetwork, type WebhookServer, webhookServer } from '../../webhook-client/testing/webhook-server.js';

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

const configMap = (name: string, more: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  ...more,
});
const on = (resources: string[], operations = ['CREATE'], more: object = {}) => ({
  ...{ operations, apiGroups: ['*'], apiVersions: ['*'], resources },
  ...more,
});
const patchOf = (...operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const addData = (key: string, value = 'yes') => patchOf({ op: 'add', path: `/data/${key}`, value });
const reply = (response: object) => (body: any) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: body.request.uid, ...response },
});

type Kind = 'mutating' | 'validating';

describe('admission webhooks', () => {
  let api: TestServer;
  let hook: WebhookServer;
  const network = localNetwork();

  beforeAll(async () => {
    hook = await webhookServer();
    api = await testServer({ proxyNetwork: network });
  });
  afterAll(async () => {
    await api.close();
    await hook.close();
  });
  beforeEach(() => {
    hook.received.length = 0;
    hook.paths.length = 0;
    hook.handle = reply({ allowed: true });
  });
  afterEach(async () => {
    for (const kind of ['mutating', 'validating']) {
      const gone = await call(api, `${CONFIGURATIONS}/${kind}webhookconfigurations`, { method: 'DELETE' });
      assert.equal(gone.code, 200);
    }
  });

  const client = (path = '') => ({ url: `${hook.url}${path}`, caBundle: hook.caBundle });
  const post = (path: string, body: object, sent: Sent = {}) => request(api, path, { method: 'POST', body, ...sent });

  /** A webhook of its own configuration; it is asked from the next request on. */
  async function register(kind: Kind, name: string, more: object = {}, ...others: object[]): Promise<void> {
    const webhook = (webhookName: string, parts: object) => ({
      name: `${webhookName}.example.com`,
      clientConfig: client(`/${webhookName}`),
      rules: [on(['configmaps'])],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...parts,
    });
    const webhooks = [more, ...others].map((parts, i) => webhook(i === 0 ? name : `${name}-${i}`, parts));
    const answer = await post(`${CONFIGURATIONS}/${kind}webhookconfigurations`, { metadata: { name }, webhooks });
    assert.equal(answer.code, 201, answer.body.toString());
    assert.equal(answer.headers['warning'], undefined);
  }

  function is(answer: Answer, code: number, message?: string | RegExp): void {
    assert.equal(answer.code, code, answer.body.toString());
    if (typeof message === 'string') assert.equal(answer.json.message, message);
    else if (message) assert.match(answer.json.message, message);
  }

  const failing = (name: string, why: string) =>
    `Internal error occurred: failed calling webhook "${name}.example.com": ${why}`;

  describe('what they are sent', () => {
    test('a review says all of the request', async () => {
      await register('validating', 'review', { rules: [on(['configmaps'], ['CREATE', 'UPDATE', 'DELETE'])] });
      is(await post(`${CONFIG_MAPS}?fieldManager=me`, configMap('reviewed', { data: { a: '1' } })), 201);
      const { request: created, ...header } = hook.received[0];
      assert.deepEqual(header, { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' });
      const { uid, object, options, ...rest } = created;
      assert.match(uid, /^[0-9a-f-]{36}$/);
      assert.equal(object.kind, 'ConfigMap');
      assert.deepEqual(object.data, { a: '1' });
      assert.ok(object.metadata.uid, 'validating webhooks see what will be stored');
      assert.equal(options.kind, 'CreateOptions');
      assert.equal(options.fieldManager, 'me');
      const kind = { group: '', version: 'v1', kind: 'ConfigMap' };
      const resource = { group: '', version: 'v1', resource: 'configmaps' };
      assert.deepEqual(rest, {
        ...{ kind, resource, requestKind: kind, requestResource: resource },
        ...{ name: 'reviewed', namespace: 'default', operation: 'CREATE' },
        userInfo: rest.userInfo,
        ...{ oldObject: null, dryRun: false },
      });
      assert.equal(rest.userInfo.username, 'kubernetes-admin');
      assert.ok(rest.userInfo.groups.includes('system:masters'), 'nobody is exempt');
      await request(api, `${CONFIG_MAPS}/reviewed`, {
        method: 'PATCH',
        body: { data: { a: '2' } },
        headers: { 'Content-Type': 'application/merge-patch+json' },
      });
      const updated = hook.received[1].request;
      assert.deepEqual([updated.operation, updated.options.kind], ['UPDATE', 'PatchOptions']);
      assert.deepEqual([updated.oldObject.data, updated.object.data], [{ a: '1' }, { a: '2' }]);
      await call(api, `${CONFIG_MAPS}/reviewed`, { method: 'DELETE' });
      const deleted = hook.received[2].request;
      assert.deepEqual([deleted.operation, deleted.options.kind, deleted.object], ['DELETE', 'DeleteOptions', null]);
      assert.deepEqual(deleted.oldObject.data, { a: '2' });
    });

    test('mutating webhooks see a new object before the server identifies it, validating ones after', async () => {
      await register('mutating', 'early', {});
      await register('validating', 'late', {});
      const given = configMap('', {}, { name: undefined, generateName: 'gen-', uid: 'mine' });
      const made = await post(CONFIG_MAPS, given);
      const [early, late] = hook.received.map((body) => body.request);
      assert.deepEqual([early.name, early.object.metadata.name, early.object.metadata.uid], Array(3).fill(undefined));
      assert.deepEqual([late.name, late.object.metadata.name], Array(2).fill(made.json.metadata.name));
      assert.equal(late.object.metadata.uid, made.json.metadata.uid);
    });

    test('every object of a deletecollection is reviewed', async () => {
      for (const name of ['c-1', 'c-2'])
        is(await post(CONFIG_MAPS, configMap(name, {}, { labels: { set: 'c' } })), 201);
      await register('validating', 'collection', { rules: [on(['configmaps'], ['DELETE'])] });
      hook.handle = (body) => reply(body.request.name === 'c-2' ? { allowed: false } : { allowed: true })(body);
      const answer = await call(api, `${CONFIG_MAPS}?labelSelector=set%3Dc`, { method: 'DELETE' });
      is(answer, 400, 'admission webhook "collection.example.com" denied the request without explanation');
      assert.deepEqual(hook.received.map((body) => body.request.name).sort(), ['c-1', 'c-2']);
    });

    test('subresources have kinds of their own', async () => {
      const deployment = {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'a' } },
          template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
        },
      };
      const path = '/apis/apps/v1/namespaces/default/deployments';
      is(await post(path, deployment), 201);
      await register('mutating', 'sub', { rules: [on(['*/scale', 'deployments/status'], ['UPDATE'])] });
      hook.handle = (body) =>
        reply(
          body.request.subResource === 'scale'
            ? patchOf({ op: 'replace', path: '/spec/replicas', value: 5 })
            : { allowed: true },
        )(body);
      const scaled = await request(api, `${path}/web/scale`, {
        method: 'PATCH',
        body: { spec: { replicas: 3 } },
        headers: { 'Content-Type': 'application/merge-patch+json' },
      });
      is(scaled, 200);
      assert.equal(scaled.json.spec.replicas, 5);
      const { kind, resource, subResource, object } = hook.received[0].request;
      assert.deepEqual(kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
      assert.deepEqual([resource.resource, subResource, object.spec], ['deployments', 'scale', { replicas: 3 }]);
      is(await request(api, `${path}/web/status`, { method: 'PUT', body: deployment }), 200);
      const status = hook.received[1].request;
      assert.deepEqual([status.subResource, status.kind.kind], ['status', 'Deployment']);
      is(await request(api, `${path}/web`, { method: 'PUT', body: deployment }), 200);
      assert.equal(hook.received.length, 2, 'rules without a slash mean no subresource');
    });

    test('binding, eviction and tokens of pods and accounts are creates', async () => {
      is(await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } }), 201);
      const pod = {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } },
        spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'i' }] },
      };
      const pods = '/api/v1/namespaces/default/pods';
      is(await post(pods, pod), 201);
      await register('validating', 'subs', { rules: [on(['pods/*', 'serviceaccounts/token'], ['*'])] });
      await post(`${pods}/p/binding`, { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } });
      await post(`${pods}/p/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } });
      await post('/api/v1/namespaces/default/serviceaccounts/default/token', { spec: {} });
      assert.deepEqual(
        hook.received.map(({ request: { operation, subResource, kind } }) => [operation, subResource, kind.kind]),
        [
          ['CREATE', 'binding', 'Binding'],
          ['CREATE', 'eviction', 'Eviction'],
          ['CREATE', 'token', 'TokenRequest'],
        ],
      );
    });

    test('connections say their options, with types', async () => {
      await register('validating', 'connect', {
        rules: [on(['pods/exec', 'pods/portforward', 'services/proxy'], ['CONNECT'])],
      });
      hook.handle = reply({ allowed: false, status: { code: 403, message: 'no shells' } });
      const denied = 'admission webhook "connect.example.com" denied the request: no shells';
      const pod = '/api/v1/namespaces/default/pods/p';
      is(
        await call(api, `${pod}/exec?command=sh&command=-c&stdin=true&tty=0&container=c`, { method: 'POST' }),
        403,
        denied,
      );
      is(await call(api, `${pod}/portforward?ports=80&ports=81`, { method: 'POST' }), 403, denied);
      is(
        await call(api, '/api/v1/namespaces/default/services/web:80/proxy/a/b?kind=Evil', { method: 'GET' }),
        403,
        denied,
      );
      const header = (kind: string) => ({ apiVersion: 'v1', kind });
      assert.deepEqual(
        hook.received.map(({ request: { object } }) => object),
        [
          { ...header('PodExecOptions'), stdin: true, container: 'c', command: ['sh', '-c'] },
          { ...header('PodPortForwardOptions'), ports: [80, 81] },
          { ...header('ServiceProxyOptions'), path: '/a/b' },
        ],
      );
      assert.equal(hook.received[0].request.operation, 'CONNECT');
    });
  });

  describe('whom they are asked about', () => {
    test('namespaces and objects by their labels, before and after', async () => {
      await register('validating', 'labels', {
        rules: [on(['configmaps', 'namespaces', 'nodes'], ['*'])],
        namespaceSelector: { matchLabels: { watched: 'yes' } },
        objectSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] },
      });
      const namespace = (name: string, labels: object) => ({ metadata: { name, labels } });
      is(await post('/api/v1/namespaces', namespace('seen', { watched: 'yes' })), 201);
      is(await post('/api/v1/namespaces', namespace('unseen', {})), 201);
      is(await post('/api/v1/namespaces/seen/configmaps', configMap('a')), 201);
      is(await post('/api/v1/namespaces/seen/configmaps', configMap('b', {}, { labels: { skip: '1' } })), 201);
      is(await post('/api/v1/namespaces/unseen/configmaps', configMap('a')), 201);
      is(await post('/api/v1/nodes', { metadata: { name: 'n1' } }), 201);
      // One of the two objects is enough.
      is(
        await request(api, '/api/v1/namespaces/seen/configmaps/a', {
          method: 'PUT',
          body: configMap('a', {}, { labels: { skip: '1' } }),
        }),
        200,
      );
      assert.deepEqual(
        hook.received.map(({ request: { operation, name } }) => `${operation} ${name}`),
        ['CREATE seen', 'CREATE a', 'CREATE n1', 'UPDATE a'],
      );
    });

    test('scopes tell namespaced resources from others, and namespaces are of the others', async () => {
      await register('validating', 'scope', {
        rules: [on(['configmaps', 'namespaces'], ['CREATE'], { scope: 'Cluster' })],
      });
      is(await post('/api/v1/namespaces', { metadata: { name: 'scoped' } }), 201);
      is(await post(CONFIG_MAPS, configMap('scoped')), 201);
      assert.deepEqual(
        hook.received.map((body) => body.request.name),
        ['scoped'],
      );
      assert.equal(hook.received[0].request.kind.kind, 'Namespace');
    });

    test('another version of the same objects, converted, unless the policy is Exact', async () => {
      const rules = [on(['horizontalpodautoscalers'], ['*'], { apiGroups: ['autoscaling'], apiVersions: ['v1'] })];
      await register('mutating', 'older', { rules });
      await register('validating', 'exact', { rules, matchPolicy: 'Exact' });
      hook.handle = reply(patchOf({ op: 'replace', path: '/spec/targetCPUUtilizationPercentage', value: 44 }));
      const scaler = {
        ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'h' } },
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
          ],
        },
      };
      const made = await post('/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', scaler);
      is(made, 201);
      assert.equal(made.json.apiVersion, 'autoscaling/v2');
      assert.equal(made.json.spec.metrics[0].resource.target.averageUtilization, 44);
      assert.equal(hook.received.length, 1);
      const { kind, requestKind, resource, requestResource, object } = hook.received[0].request;
      assert.deepEqual([kind.version, requestKind.version], ['v1', 'v2']);
      assert.deepEqual([resource.version, requestResource.version], ['v1', 'v2']);
      assert.deepEqual([object.apiVersion, object.spec.targetCPUUtilizationPercentage], ['autoscaling/v1', 70]);
    });

    test('never the configurations themselves, nor reviews of the server', async () => {
      const rules = [on(['*/*'], ['*'])];
      await register('mutating', 'all', { rules, namespaceSelector: { matchLabels: { none: 'such' } } });
      await register('validating', 'everything', { rules });
      await register('validating', 'more', { rules });
      const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } };
      is(await post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review), 201);
      is(await call(api, `${CONFIGURATIONS}/validatingwebhookconfigurations/more`, { method: 'DELETE' }), 200);
      assert.deepEqual(hook.received, []);
    });

    test('loops of the server are no exception', async () => {
      await register('validating', 'loops', { rules: [on(['leases'])] });
      hook.handle = reply({ allowed: false, status: { code: 403, message: 'no' } });
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } };
      const write = api
        .client('system:kube-scheduler', ['system:masters'])
        .create({ group: 'coordination.k8s.io', version: 'v1', resource: 'leases' }, 'default', lease);
      await assert.rejects(write, /denied the request: no/);
    });
  });

  describe('what they change', () => {
    test('one after the other, by the names of the configurations; the result is decoded, defaulted and validated', async () => {
      await register('mutating', 'b-second', {});
      await register('mutating', 'a-first', {}, {});
      hook.handle = (body, _, { url }) => {
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
      hook.handle = reply(
        patchOf({ op: 'add', path: '/nonsense', value: 1 }, { op: 'add', path: '/data/x', value: 'y' }),
      );
      const pruned = await post(CONFIG_MAPS, configMap('pruned', { data: { x: '' } }));
      is(pruned, 201);
      assert.deepEqual([pruned.json.nonsense, pruned.json.data], [undefined, { x: 'y' }]);
      hook.handle = reply(patchOf({ op: 'add', path: '/metadata/labels', value: { 'bad key': '' } }));
      is(await post(CONFIG_MAPS, configMap('invalid')), 422, /metadata.labels: Invalid value: "bad key"/);
    });

    test('IfNeeded: those that may be called again are when a later one changes the object, once', async () => {
      await register('mutating', 'a', { reinvocationPolicy: 'IfNeeded' });
      await register('mutating', 'b', {});
      await register('mutating', 'c', { reinvocationPolicy: 'IfNeeded' });
      hook.handle = (body, _, { url }) => {
        const [name] = /(?<=\/)\w+/.exec(url!)!;
        const { data } = body.request.object;
        return reply(addData(name!, `${data[name!] ?? ''}+`))(body);
      };
      const made = await post(CONFIG_MAPS, configMap('reinvoked', { data: { x: '' } }));
      is(made, 201);
      assert.deepEqual(
        hook.paths.map((path) => path[1]),
        ['a', 'b', 'c', 'a', 'c'],
      );
      assert.deepEqual(made.json.data, { x: '', a: '++', b: '+', c: '++' });
    });

    test('plugins of the server see what webhooks made of a pod, without doing their part twice', async () => {
      await register('mutating', 'pods', { rules: [on(['pods'])], reinvocationPolicy: 'IfNeeded' });
      hook.handle = (body) => {
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
        hook.handle = reply(response);
        is(await post(CONFIG_MAPS, configMap('unfit', { data: { a: '' } })), 500, message);
      }
      hook.handle = reply({ allowed: true });
      is(await post(CONFIG_MAPS, configMap('unfit')), 201);
      hook.handle = reply(patchOf({ op: 'add', path: '/data', value: {} }));
      is(
        await call(api, `${CONFIG_MAPS}/unfit`, { method: 'DELETE' }),
        500,
        'Internal error occurred: admission webhook "wrong.example.com" attempted to modify the object, which is not supported for this operation',
      );
    });

    test('a connection, before it is made', async () => {
      await register('mutating', 'options', { rules: [on(['pods/exec'], ['CONNECT'])] });
      hook.handle = reply(patchOf({ op: 'remove', path: '/command' }));
      const pod = { metadata: { name: 'p' }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] } };
      await post('/api/v1/namespaces/default/pods', pod);
      const answer = await call(api, '/api/v1/namespaces/default/pods/p/exec?command=sh&stdin=1', { method: 'POST' });
      is(answer, 400, 'you must specify at least 1 command for the container');
    });

    test('names of prototypes are names', async () => {
      await register('mutating', 'proto', {});
      hook.handle = (body) => {
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
      const rows: [object | undefined, number, string][] = [
        [undefined, 400, `${denied} without explanation`],
        [{ code: 418, message: 'because' }, 418, `${denied}: because`],
        [{ code: 200, status: 'Success', reason: 'Reasons' }, 400, `${denied}: Reasons`],
        [{ code: 1e6, message: 'x' }, 500, `${denied}: x`],
        [{ code: '403', message: ['x'] }, 400, `${denied} without explanation`],
      ];
      for (const [status, code, message] of rows) {
        hook.handle = reply({ allowed: false, ...(status ? { status } : {}) });
        const answer = await post(CONFIG_MAPS, configMap('denied'));
        is(answer, code, message);
        assert.equal(answer.json.status, 'Failure');
      }
    });

    test('all are asked at once, and what one refuses is refused', async () => {
      await register('validating', 'many', {}, {}, {});
      let waiting = 0;
      let release: () => void;
      const all = new Promise<void>((resolve) => {
        release = resolve;
      });
      hook.handle = async (body, _, { url }) => {
        waiting += 1;
        if (waiting === 3) release();
        await all;
        return reply({ allowed: !url!.startsWith('/many-1') })(body);
      };
      is(await post(CONFIG_MAPS, configMap('many')), 400, /^admission webhook "many-1.example.com" denied/);
    });

    test('their warnings reach the client', async () => {
      await register('validating', 'warning', {});
      hook.handle = reply({ allowed: true, warnings: ['mind the gap', '', `line\nbreak "quoted"`] });
      const answer = await post(CONFIG_MAPS, configMap('warned'));
      is(answer, 201);
      assert.equal(answer.headers['warning'], '299 - "mind the gap", 299 - "line break \\"quoted\\""');
    });

    test('dry runs are for those without side effects', async () => {
      await register('mutating', 'dry', { sideEffects: 'NoneOnDryRun' });
      is(await post(`${CONFIG_MAPS}?dryRun=All`, configMap('dry')), 201);
      assert.equal(hook.received[0].request.dryRun, true);
      assert.deepEqual(hook.received[0].request.options.dryRun, ['All']);
      is(await call(api, `${CONFIG_MAPS}/dry`), 404);
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
      hook.handle = (body, response) => answer(response, body);
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
      await call(api, `${CONFIGURATIONS}/validatingwebhookconfigurations/${name}`, { method: 'DELETE' });
      await register('validating', name, { failurePolicy: 'Ignore' });
      is(await post(`${CONFIG_MAPS}?dryRun=All`, configMap('passed')), 201);
    });

    test('a webhook that hangs is given up in its time, and holds up nobody else', async () => {
      await register('validating', 'hangs', { timeoutSeconds: 1, objectSelector: { matchLabels: { slow: 'yes' } } });
      hook.handle = () => new Promise(() => {});
      const slow = post(CONFIG_MAPS, configMap('slow', {}, { labels: { slow: 'yes' } }));
      is(await post(CONFIG_MAPS, configMap('quick')), 201);
      const url = JSON.stringify(`${hook.url}/hangs?timeout=1s`);
      is(await slow, 500, failing('hangs', `failed to call webhook: Post ${url}: context deadline exceeded`));
    });

    test('a request whose time is up waits for no webhook', async () => {
      await register('mutating', 'late', { timeoutSeconds: 30, failurePolicy: 'Ignore' });
      hook.handle = () => new Promise(() => {});
      is(await post(`${CONFIG_MAPS}?timeout=300ms`, configMap('late')), 504, /^Timeout: request did not complete/);
      is(await call(api, `${CONFIG_MAPS}/late`), 404);
    });

    test('a Service without endpoints is named', async () => {
      const service = { namespace: 'tools', name: 'hook' };
      await register('mutating', 'away', { clientConfig: { service, caBundle: hook.caBundle } });
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
    hook.handle = (body, _, { url }) =>
      url!.startsWith('/open') ? {} : reply({ allowed: false, status: { code: 403 } })(body);
    is(await post(CONFIG_MAPS, configMap('counted')), 403);
    const text = (await call(api, '/metrics')).body.toString();
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
    const other = await testServer({ databaseUrl: api.databaseUrl, dataDir: api.dataDir, proxyNetwork: network });
    try {
      const watch = await WatchReader.open(other, `${CONFIGURATIONS}/validatingwebhookconfigurations?watch=true`);
      const next = watch.next();
      hook.handle = reply({ allowed: false });
      await register('validating', 'everywhere', {});
      is(await post(CONFIG_MAPS, configMap('here')), 400);
      assert.equal((await next)?.type, 'ADDED');
      is(await request(other, CONFIG_MAPS, { method: 'POST', body: configMap('there') }), 400);
      await call(api, `${CONFIGURATIONS}/validatingwebhookconfigurations/everywhere`, { method: 'DELETE' });
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
      hook.handle = (_, response) => {
        resolve(response);
        return new Promise(() => {});
      };
    });
    const { request: httpsRequest } = await import('node:https');
    const outgoing = httpsRequest(`${api.url}${CONFIG_MAPS}`, {
      ...{ method: 'POST', ca: api.tls.ca, cert: api.tls.cert, key: api.tls.key, agent: false },
      headers: { 'Content-Type': 'application/json' },
    });
    outgoing.on('error', () => {});
    outgoing.end(JSON.stringify(configMap('gone')));
    const response = await asked;
    outgoing.destroy();
    await once(response, 'close');
    is(await call(api, `${CONFIG_MAPS}/gone`), 404);
  });
});
