import assert from 'node:assert/strict';
import { call, request } from '#testing';
import {
  CONFIG_MAPS,
  CONFIGURATIONS,
  configMap,
  is,
  on,
  patchOf,
  reply,
  WebhookScene,
} from './testing/webhook-scene.js';

describe('admission webhooks', () => {
  const scene = new WebhookScene();
  const { post, register } = scene;

  describe('what they are sent', () => {
    test('a review says all of the request', async () => {
      await register('validating', 'review', { rules: [on(['configmaps'], ['CREATE', 'UPDATE', 'DELETE'])] });
      is(await post(`${CONFIG_MAPS}?fieldManager=me`, configMap('reviewed', { data: { a: '1' } })), 201);
      const { request: created, ...header } = scene.hook.received[0];
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
      await request(scene.api, `${CONFIG_MAPS}/reviewed`, {
        method: 'PATCH',
        body: { data: { a: '2' } },
        headers: { 'Content-Type': 'application/merge-patch+json' },
      });
      const updated = scene.hook.received[1].request;
      assert.deepEqual([updated.operation, updated.options.kind], ['UPDATE', 'PatchOptions']);
      assert.deepEqual([updated.oldObject.data, updated.object.data], [{ a: '1' }, { a: '2' }]);
      await call(scene.api, `${CONFIG_MAPS}/reviewed`, { method: 'DELETE' });
      const deleted = scene.hook.received[2].request;
      assert.deepEqual([deleted.operation, deleted.options.kind, deleted.object], ['DELETE', 'DeleteOptions', null]);
      assert.deepEqual(deleted.oldObject.data, { a: '2' });
    });

    test('mutating webhooks see a new object before the server identifies it, validating ones after', async () => {
      await register('mutating', 'early', {});
      await register('validating', 'late', {});
      const given = configMap('', {}, { name: undefined, generateName: 'gen-', uid: 'mine' });
      const made = await post(CONFIG_MAPS, given);
      const [early, late] = scene.hook.received.map((body) => body.request);
      assert.deepEqual([early.name, early.object.metadata.name, early.object.metadata.uid], Array(3).fill(undefined));
      assert.deepEqual([late.name, late.object.metadata.name], Array(2).fill(made.json.metadata.name));
      assert.equal(late.object.metadata.uid, made.json.metadata.uid);
    });

    test('every object of a deletecollection is reviewed', async () => {
      for (const name of ['c-1', 'c-2'])
        is(await post(CONFIG_MAPS, configMap(name, {}, { labels: { set: 'c' } })), 201);
      await register('validating', 'collection', { rules: [on(['configmaps'], ['DELETE'])] });
      scene.hook.handle = (body) => reply(body.request.name === 'c-2' ? { allowed: false } : { allowed: true })(body);
      const answer = await call(scene.api, `${CONFIG_MAPS}?labelSelector=set%3Dc`, { method: 'DELETE' });
      is(answer, 400, 'admission webhook "collection.example.com" denied the request without explanation');
      assert.deepEqual(scene.hook.received.map((body) => body.request.name).sort(), ['c-1', 'c-2']);
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
      scene.hook.handle = (body) =>
        reply(
          body.request.subResource === 'scale'
            ? patchOf({ op: 'replace', path: '/spec/replicas', value: 5 })
            : { allowed: true },
        )(body);
      const scaled = await request(scene.api, `${path}/web/scale`, {
        method: 'PATCH',
        body: { spec: { replicas: 3 } },
        headers: { 'Content-Type': 'application/merge-patch+json' },
      });
      is(scaled, 200);
      assert.equal(scaled.json.spec.replicas, 5);
      const { kind, resource, subResource, object } = scene.hook.received[0].request;
      assert.deepEqual(kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
      assert.deepEqual([resource.resource, subResource, object.spec], ['deployments', 'scale', { replicas: 3 }]);
      is(await request(scene.api, `${path}/web/status`, { method: 'PUT', body: deployment }), 200);
      const status = scene.hook.received[1].request;
      assert.deepEqual([status.subResource, status.kind.kind], ['status', 'Deployment']);
      is(await request(scene.api, `${path}/web`, { method: 'PUT', body: deployment }), 200);
      assert.equal(scene.hook.received.length, 2, 'rules without a slash mean no subresource');
    });

    test('binding, eviction and tokens of pods and accounts are creates', async () => {
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
        scene.hook.received.map(({ request: { operation, subResource, kind } }) => [operation, subResource, kind.kind]),
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
      scene.hook.handle = reply({ allowed: false, status: { code: 403, message: 'no shells' } });
      const denied = 'admission webhook "connect.example.com" denied the request: no shells';
      const pod = '/api/v1/namespaces/default/pods/p';
      is(
        await call(scene.api, `${pod}/exec?command=sh&command=-c&stdin=true&tty=0&container=c`, { method: 'POST' }),
        403,
        denied,
      );
      is(await call(scene.api, `${pod}/portforward?ports=80&ports=81`, { method: 'POST' }), 403, denied);
      is(
        await call(scene.api, '/api/v1/namespaces/default/services/web:80/proxy/a/b?kind=Evil', { method: 'GET' }),
        403,
        denied,
      );
      const header = (kind: string) => ({ apiVersion: 'v1', kind });
      assert.deepEqual(
        scene.hook.received.map(({ request: { object } }) => object),
        [
          { ...header('PodExecOptions'), stdin: true, container: 'c', command: ['sh', '-c'] },
          { ...header('PodPortForwardOptions'), ports: [80, 81] },
          { ...header('ServiceProxyOptions'), path: '/a/b' },
        ],
      );
      assert.equal(scene.hook.received[0].request.operation, 'CONNECT');
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
        await request(scene.api, '/api/v1/namespaces/seen/configmaps/a', {
          method: 'PUT',
          body: configMap('a', {}, { labels: { skip: '1' } }),
        }),
        200,
      );
      assert.deepEqual(
        scene.hook.received.map(({ request: { operation, name } }) => `${operation} ${name}`),
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
        scene.hook.received.map((body) => body.request.name),
        ['scoped'],
      );
      assert.equal(scene.hook.received[0].request.kind.kind, 'Namespace');
    });

    test('another version of the same objects, converted, unless the policy is Exact', async () => {
      const rules = [on(['horizontalpodautoscalers'], ['*'], { apiGroups: ['autoscaling'], apiVersions: ['v1'] })];
      await register('mutating', 'older', { rules });
      await register('validating', 'exact', { rules, matchPolicy: 'Exact' });
      scene.hook.handle = reply(patchOf({ op: 'replace', path: '/spec/targetCPUUtilizationPercentage', value: 44 }));
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
      assert.equal(scene.hook.received.length, 1);
      const { kind, requestKind, resource, requestResource, object } = scene.hook.received[0].request;
      assert.deepEqual([kind.version, requestKind.version], ['v1', 'v2']);
      assert.deepEqual([resource.version, requestResource.version], ['v1', 'v2']);
      assert.deepEqual([object.apiVersion, object.spec.targetCPUUtilizationPercentage], ['autoscaling/v1', 70]);
    });

    test('requests that their conditions are true of; without a value the failure policy decides', async () => {
      const conditions = (...expressions: string[]) => ({
        matchConditions: expressions.map((expression, i) => ({ name: `c-${i}`, expression })),
      });
      const asked = (name: string) => post(`${CONFIG_MAPS}?dryRun=All`, configMap(name, { data: { a: '1' } }));
      await register(
        'validating',
        'conditions',
        conditions("object.metadata.name.startsWith('yes')", "request.userInfo.username == 'kubernetes-admin'"),
        conditions("authorizer.group('').resource('pods').namespace('x').check('get').allowed()", 'oldObject == null'),
        conditions("request.operation == 'DELETE'", 'object.nothing.at.all == 1'),
      );
      is(await asked('yes'), 201);
      is(await asked('no'), 201);
      assert.deepEqual(scene.hook.paths.map((path) => path.slice(1, path.indexOf('?'))).sort(), [
        'conditions',
        'conditions-1',
        'conditions-1',
      ]);
      await register('mutating', 'valueless', conditions('object.nothing == 1'));
      is(
        await asked('valueless'),
        403,
        `configmaps "valueless" is forbidden: expression 'object.nothing == 1' resulted in error: no such key: nothing`,
      );
      await call(scene.api, `${CONFIGURATIONS}/mutatingwebhookconfigurations/valueless`, { method: 'DELETE' });
      await register('mutating', 'valueless', { ...conditions('object.nothing == 1'), failurePolicy: 'Ignore' });
      is(await asked('ignored'), 201);
      assert.ok(!scene.hook.paths.some((path) => path.startsWith('/valueless')));
    });

    test('never the configurations themselves, nor reviews of the server', async () => {
      const rules = [on(['*/*'], ['*'])];
      await register('mutating', 'all', { rules, namespaceSelector: { matchLabels: { none: 'such' } } });
      await register('validating', 'everything', { rules });
      await register('validating', 'more', { rules });
      const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } };
      is(await post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review), 201);
      is(await call(scene.api, `${CONFIGURATIONS}/validatingwebhookconfigurations/more`, { method: 'DELETE' }), 200);
      assert.deepEqual(scene.hook.received, []);
    });

    test('loops of the server are no exception', async () => {
      await register('validating', 'loops', { rules: [on(['leases'])] });
      scene.hook.handle = reply({ allowed: false, status: { code: 403, message: 'no' } });
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } };
      const write = scene.api
        .client('system:kube-scheduler', ['system:masters'])
        .create({ group: 'coordination.k8s.io', version: 'v1', resource: 'leases' }, 'default', lease);
      await assert.rejects(write, /denied the request: no/);
    });
  });
});
