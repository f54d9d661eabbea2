import assert from 'node:assert/strict';
import { isNotFound, type KubeObject, type OwnerReference } from '#apimachinery';
import { gvr } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

const refTo = (owner: KubeObject, extra: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name!,
  uid: owner.metadata.uid!,
  ...extra,
});

const create = (namespace: string, name: string, owners: OwnerReference[] = [], finalizers?: string[]) =>
  env.client.create<KubeObject>(gvr.configmaps, namespace, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ownerReferences: owners, finalizers },
  });

async function find(namespace: string, name: string): Promise<KubeObject | undefined> {
  try {
    return await env.client.get(gvr.configmaps, namespace, name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const gone = (namespace: string, name: string) =>
  env.until(`${name} to go`, async () => (await find(namespace, name)) === undefined);
/** The collector has looked at everything by now: something that it must delete is gone. */
async function settled(namespace: string): Promise<void> {
  const owner = await create(namespace, `probe-${Math.random().toString(36).slice(2)}`);
  await create(namespace, `${owner.metadata.name}-child`, [refTo(owner)]);
  await env.client.delete(gvr.configmaps, namespace, owner.metadata.name!);
  await gone(namespace, `${owner.metadata.name}-child`);
}

describe('garbage collector', () => {
  it('deletes what a deleted owner leaves behind, through generations', async () => {
    const ns = await env.namespace();
    const owner = await create(ns, 'owner');
    const child = await create(ns, 'child', [refTo(owner)]);
    await create(ns, 'grandchild', [refTo(child)]);
    await env.client.delete(gvr.configmaps, ns, 'owner', { propagationPolicy: 'Background' });
    await gone(ns, 'child');
    await gone(ns, 'grandchild');
  });

  it('keeps an object while one of its owners lives, and drops the dead reference', async () => {
    const ns = await env.namespace();
    const [a, b] = [await create(ns, 'a'), await create(ns, 'b')];
    await create(ns, 'child', [refTo(a), refTo(b)]);
    await env.client.delete(gvr.configmaps, ns, 'a');
    await env.until('one reference', async () => (await find(ns, 'child'))?.metadata.ownerReferences?.length === 1);
    await env.client.delete(gvr.configmaps, ns, 'b');
    await gone(ns, 'child');
  });

  it('sets dependents free when the owner is orphaned', async () => {
    const ns = await env.namespace();
    const owner = await create(ns, 'owner');
    await create(ns, 'child', [refTo(owner)]);
    await settled(ns);
    await env.client.delete(gvr.configmaps, ns, 'owner', { propagationPolicy: 'Orphan' });
    await gone(ns, 'owner');
    const child = await find(ns, 'child');
    assert.deepEqual(child?.metadata.ownerReferences ?? [], []);
  });

  it('deletes blocking dependents before their owner in foreground', async () => {
    const ns = await env.namespace();
    const owner = await create(ns, 'owner');
    await create(ns, 'child', [refTo(owner, { blockOwnerDeletion: true })], ['test.example/wait']);
    await settled(ns);
    await env.client.delete(gvr.configmaps, ns, 'owner', { propagationPolicy: 'Foreground' });
    const waiting = await env.until('the deletion of the child', async () => {
      const child = await find(ns, 'child');
      return child?.metadata.deletionTimestamp !== undefined && child;
    });
    const kept = await find(ns, 'owner');
    assert.deepEqual(kept?.metadata.finalizers, ['foregroundDeletion']);
    const finalizers = { metadata: { finalizers: null } };
    await env.client.patch(gvr.configmaps, ns, waiting.metadata.name!, 'application/merge-patch+json', finalizers);
    await gone(ns, 'child');
    await gone(ns, 'owner');
  });

  it('does not wait in foreground for dependents that do not block', async () => {
    const ns = await env.namespace();
    const owner = await create(ns, 'owner');
    await create(ns, 'child', [refTo(owner)], ['test.example/wait']);
    await settled(ns);
    await env.client.delete(gvr.configmaps, ns, 'owner', { propagationPolicy: 'Foreground' });
    await gone(ns, 'owner');
    const child = await find(ns, 'child');
    assert.notEqual(child?.metadata.deletionTimestamp, undefined);
    await env.client.patch(gvr.configmaps, ns, 'child', 'application/merge-patch+json', {
      metadata: { finalizers: null },
    });
  });

  it('ends foreground deletion of a circle', async () => {
    const ns = await env.namespace();
    const a = await create(ns, 'a');
    const b = await create(ns, 'b', [refTo(a, { blockOwnerDeletion: true })]);
    const c = await create(ns, 'c', [refTo(b, { blockOwnerDeletion: true })]);
    const circle = { metadata: { ownerReferences: [refTo(c, { blockOwnerDeletion: true })] } };
    await env.client.patch(gvr.configmaps, ns, 'a', 'application/merge-patch+json', circle);
    await settled(ns);
    await env.client.delete(gvr.configmaps, ns, 'a', { propagationPolicy: 'Foreground' });
    for (const name of ['a', 'b', 'c']) await gone(ns, name);
  });

  it('deletes an object whose owner never existed, or has another uid', async () => {
    const ns = await env.namespace();
    const owner = await create(ns, 'owner');
    await create(ns, 'ghost', [refTo(owner, { uid: '00000000-0000-0000-0000-000000000000' })]);
    await gone(ns, 'ghost');
    assert.ok(await find(ns, 'owner'));
  });

  it('does not take an owner in another namespace for one', async () => {
    const [here, there] = [await env.namespace(), await env.namespace()];
    const owner = await create(there, 'owner');
    await create(here, 'child', [refTo(owner)]);
    await gone(here, 'child');
    assert.ok(await find(there, 'owner'));
  });

  it('keeps namespaced dependents of a cluster-scoped owner until it goes', async () => {
    const ns = await env.namespace();
    const owner = await env.client.create<KubeObject>(gvr.clusterroles, '', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: ns },
      rules: [],
    });
    await create(ns, 'child', [refTo(owner)]);
    await settled(ns);
    assert.ok(await find(ns, 'child'));
    await env.client.delete(gvr.clusterroles, '', ns);
    await gone(ns, 'child');
  });
});
