// Uses the cluster of KUBECONFIG through @kubernetes/client-node; prints `ok NAME` or `FAIL NAME: REASON` for each part.
import assert from 'node:assert/strict';
import {
  ApiException,
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node';

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const objects = KubernetesObjectApi.makeApiClient(config);
const labels = { app: 'web' };
const map = (name, data = {}) => ({ metadata: { name, labels }, data });
const deployment = (name) => ({
  metadata: { name },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});

/** Waits until `ready` gives something. */
async function until(ready, what) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await new Promise((go) => setTimeout(go, 50))) {
    const value = await ready();
    if (value) return value;
  }
  throw new Error(`no ${what}`);
}

const parts = {
  'typed objects': async (namespace) => {
    await core.createNamespacedConfigMap({ namespace, body: map('a', { k: 'v' }) });
    const read = await core.readNamespacedConfigMap({ namespace, name: 'a' });
    assert.equal(read.data.k, 'v');
    assert.ok(read.metadata.creationTimestamp instanceof Date);
    read.data.k = 'w';
    await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: read });
    const list = await core.listNamespacedConfigMap({ namespace, labelSelector: 'app=web' });
    assert.deepEqual(
      list.items.map(({ data }) => data.k),
      ['w'],
    );
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' });
    await apps.createNamespacedDeployment({ namespace, body: deployment('web') });
    const sets = () => apps.listNamespacedReplicaSet({ namespace });
    await until(async () => (await sets()).items.length === 1, 'ReplicaSet');
  },
  errors: async (namespace) => {
    const refused = (code) => (error) => error instanceof ApiException && error.code === code;
    await assert.rejects(core.readNamespacedConfigMap({ namespace, name: 'none' }), refused(404));
    await assert.rejects(core.createNamespacedConfigMap({ namespace, body: map('A') }), refused(422));
    await core.createNamespacedConfigMap({ namespace, body: map('a') });
    await assert.rejects(core.createNamespacedConfigMap({ namespace, body: map('a') }), refused(409));
  },
  patches: async (namespace) => {
    await apps.createNamespacedDeployment({ namespace, body: deployment('web') });
    const patch = (body, strategy) =>
      apps.patchNamespacedDeployment({ namespace, name: 'web', body }, setHeaderOptions('Content-Type', strategy));
    await patch([{ op: 'replace', path: '/spec/replicas', value: 0 }], PatchStrategy.JsonPatch);
    await patch({ metadata: { annotations: { a: 'b' } } }, PatchStrategy.MergePatch);
    const container = { name: 'd', image: 'i' };
    await patch({ spec: { template: { spec: { containers: [container] } } } }, PatchStrategy.StrategicMergePatch);
    const { spec, metadata } = await apps.readNamespacedDeployment({ namespace, name: 'web' });
    assert.equal(spec.replicas, 0);
    assert.equal(metadata.annotations.a, 'b');
    assert.deepEqual(spec.template.spec.containers.map(({ name }) => name).sort(), ['c', 'd']);
  },
  'server-side apply': async (namespace) => {
    const apply = (fieldManager, k) =>
      core.patchNamespacedConfigMap(
        {
          ...{ namespace, name: 'applied', fieldManager },
          body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { k } },
        },
        setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply),
      );
    await apply('one', '1');
    await assert.rejects(apply('two', '2'), ({ code }) => code === 409);
    assert.equal((await apply('one', '3')).data.k, '3');
  },
  'any object by its manifest': async (namespace) => {
    const service = {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace } },
      spec: { selector: labels, ports: [{ port: 80 }] },
    };
    const made = await objects.create(service);
    assert.match(made.spec.clusterIP, /^10\./);
    const read = await objects.read(service);
    assert.equal(read.spec.clusterIP, made.spec.clusterIP);
    await objects.patch({ ...service, metadata: { ...service.metadata, labels } });
    assert.deepEqual((await objects.read(service)).metadata.labels, labels);
    await objects.delete(service);
  },
  watches: async (namespace) => {
    const seen = [];
    const watch = new Watch(config);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const query = { resourceVersion: metadata.resourceVersion, allowWatchBookmarks: true };
    const request = await watch.watch(
      path,
      query,
      (type, { metadata: { name } }) => seen.push(`${type} ${name}`),
      () => {},
    );
    await core.createNamespacedConfigMap({ namespace, body: map('w') });
    await core.deleteNamespacedConfigMap({ namespace, name: 'w' });
    await until(() => seen.includes('ADDED w') && seen.includes('DELETED w'), 'events');
    request.abort();
  },
  informers: async (namespace) => {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const informer = makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }));
    const seen = [];
    for (const verb of ['add', 'update', 'delete'])
      informer.on(verb, ({ metadata }) => seen.push(`${verb} ${metadata.name}`));
    await informer.start();
    await core.createNamespacedConfigMap({ namespace, body: map('i') });
    await until(() => seen.includes('add i'), 'add');
    assert.equal(informer.get('i', namespace).metadata.name, 'i');
    const body = { ...map('i'), data: { x: 'y' } };
    await core.replaceNamespacedConfigMap({ namespace, name: 'i', body });
    await until(() => seen.includes('update i'), 'update');
    await core.deleteNamespacedConfigMap({ namespace, name: 'i' });
    await until(() => seen.includes('delete i'), 'delete');
    await informer.stop();
  },
  'custom resources': async (namespace) => {
    const group = `${namespace}.example.com`;
    const definition = {
      ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
      metadata: { name: `widgets.${group}` },
      spec: {
        ...{ group, scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' } },
        versions: [
          {
            ...{ name: 'v1', served: true, storage: true },
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: { spec: { type: 'object', properties: { size: { type: 'integer', maximum: 10 } } } },
              },
            },
          },
        ],
      },
    };
    await objects.create(definition);
    const custom = config.makeApiClient(CustomObjectsApi);
    const widgets = { group, version: 'v1', namespace, plural: 'widgets' };
    const widget = (size) => ({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w' }, spec: { size } });
    await until(() => custom.listNamespacedCustomObject(widgets).catch(() => undefined), 'served widgets');
    await assert.rejects(
      custom.createNamespacedCustomObject({ ...widgets, body: widget(11) }),
      ({ code }) => code === 422,
    );
    await custom.createNamespacedCustomObject({ ...widgets, body: widget(3) });
    assert.equal((await custom.getNamespacedCustomObject({ ...widgets, name: 'w' })).spec.size, 3);
    await objects.delete(definition);
  },
  reviews: async () => {
    const review = await config
      .makeApiClient(AuthorizationV1Api)
      .createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } } });
    assert.equal(review.status.allowed, true);
  },
  pages: async (namespace) => {
    for (let i = 0; i < 7; i++) await core.createNamespacedConfigMap({ namespace, body: map(`p-${i}`) });
    const names = [];
    for (let next; next !== ''; ) {
      const page = await core.listNamespacedConfigMap({
        namespace,
        limit: 3,
        labelSelector: 'app=web',
        _continue: next,
      });
      names.push(...page.items.map(({ metadata }) => metadata.name));
      next = page.metadata._continue ?? '';
    }
    assert.equal(new Set(names).size, 7);
  },
};

let failed = false;
for (const [name, part] of Object.entries(parts)) {
  const { metadata } = await core.createNamespace({ body: { metadata: { generateName: 'client-node-' } } });
  try {
    await part(metadata.name);
    console.log(`ok ${name}`);
  } catch (error) {
    failed = true;
    console.log(`FAIL ${name}: ${String(error?.stack ?? error).replaceAll('\n', ' ')}`);
  }
  await core.deleteNamespace({ name: metadata.name });
}
process.exit(failed ? 1 : 0);
