import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { type CustomResourceDefinition, gvr, type StorageVersionMigration } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';
const WIDGETS = { group: 'example.com', version: 'v1', resource: 'widgets' };
const NAME = 'widgets.example.com';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

const version = (name: string, storage: boolean) => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
});
const definition = () => env.client.get<CustomResourceDefinition & KubeObject>(gvr.customresourcedefinitions, '', NAME);
const condition = (object: { status?: { conditions?: { type: string; status: string }[] } }, type: string): any =>
  object.status?.conditions?.find((found) => found.type === type);

const migrate = (name: string, group: string, resource: string) =>
  env.client.create<KubeObject>(gvr.storageversionmigrations, '', {
    apiVersion: 'storagemigration.k8s.io/v1',
    kind: 'StorageVersionMigration',
    metadata: { name },
    spec: { resource: { group, resource } },
  });
const over = (name: string) =>
  env.until(`the end of ${name}`, async () => {
    const found = await env.client.get<StorageVersionMigration & KubeObject>(gvr.storageversionmigrations, '', name);
    const isOver = ['Succeeded', 'Failed'].some((type) => condition(found, type)?.status === 'True');
    return isOver && condition(found, 'Running')?.status !== 'True' && found;
  });

describe('a migration of the storage version', () => {
  it('writes the objects of a definition anew, and takes the old version from what is stored', async () => {
    const namespace = await env.namespace();
    await env.client.create<KubeObject>(gvr.customresourcedefinitions, '', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: NAME },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
        versions: [version('v1', true), version('v2', false)],
      },
    });
    await env.until('the definition', async () => condition(await definition(), 'Established')?.status === 'True');
    const create = (name: string) =>
      env.client.create<KubeObject>(WIDGETS, namespace, {
        apiVersion: 'example.com/v1',
        kind: 'Widget',
        metadata: { name },
        spec: { color: 'red' },
      });
    const revisions = async () =>
      (await env.client.list<KubeObject>(WIDGETS, { namespace })).items.map(({ metadata }) => metadata.resourceVersion);
    await env.until('the resource', () => create('a').catch(() => undefined));
    await create('b');
    await env.client.patch(gvr.customresourcedefinitions, '', NAME, MERGE, {
      spec: { versions: [version('v1', false), version('v2', true)] },
    });
    await env.until('both versions', async () => (await definition()).status?.storedVersions?.join() === 'v1,v2');
    const before = await revisions();
    await migrate('first', 'example.com', 'widgets');
    await migrate('second', 'example.com', 'widgets');
    const first = await over('first');
    assert.equal(condition(first, 'Succeeded').message, 'Migration completed');
    assert.equal(condition(first, 'Succeeded').reason, 'StorageVersionMigrationSucceeded');
    assert.equal(condition(first, 'Running').reason, 'MigrationCompleted');
    assert.match(first.status!.resourceVersion!, /^\d+$/);
    const after = await revisions();
    assert.ok(
      before.every((revision) => !after.includes(revision)),
      `${before} ${after}`,
    );
    await over('second');
    const { status } = await definition();
    assert.deepEqual(status!.storedVersions, ['v2']);
    assert.equal(
      condition({ status } as never, 'StorageMigrating').message,
      'The migration has succeeded and the stored versions have been updated',
    );
    // What is stored as it should be is not written again.
    assert.deepEqual(await revisions(), after);
  });

  it('passes over resources that are built in', async () => {
    const namespace = await env.namespace();
    await env.client.create<KubeObject>(gvr.configmaps, namespace, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
    });
    await migrate('configmaps', '', 'configmaps');
    assert.equal(condition(await over('configmaps'), 'Succeeded').status, 'True');
  });

  it('fails for a resource that cannot be written', async () => {
    await migrate('statuses', '', 'componentstatuses');
    assert.equal(
      condition(await over('statuses'), 'Failed').message,
      'resource "/v1, Resource=componentstatuses" does not support discovery operations: [update patch list]',
    );
  });
});
