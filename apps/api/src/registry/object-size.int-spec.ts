import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import type { Client } from '#client';
import { gvr } from '#kinds';
import { type TestServer, testServer } from '#testing';
import { encodeDeleted, encodeForStorage, encodeWritten, MAX_OBJECT_BYTES } from '../codec/object-codec.js';

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

/** A list that no validation bounds, of about this many bytes. */
function owners(bytes: number, first = 0): object[] {
  const one = (i: number) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: `owner-${i}`, uid: `uid-${i}` });
  return Array.from({ length: Math.ceil(bytes / 80) }, (_, i) => one(first + i));
}

function configMap(name: string, ownerReferences: object[] = []): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ownerReferences } as never };
}

function deployment(name: string): KubeObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const spec = { selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec };
}

async function refused(work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, 413);
    assert.equal(error.status.reason, 'RequestEntityTooLarge');
    assert.equal(error.message, 'Request entity too large: limit is 1572864');
    return true;
  });
}

describe('the size of an object', () => {
  let server: TestServer;
  let client: Client;

  beforeAll(async () => {
    server = await testServer();
    client = server.client();
  });
  afterAll(() => server.close());

  const large = () => owners(2 * MAX_OBJECT_BYTES);

  test('bounds a create', () => refused(client.create(gvr.configmaps, 'default', configMap('created', large()))));

  test('bounds an update', async () => {
    const made = await client.create(gvr.configmaps, 'default', configMap('updated'));
    await refused(client.update(gvr.configmaps, 'default', { ...configMap('updated', large()) }));
    const now = await client.get(gvr.configmaps, 'default', 'updated');
    assert.equal(now.metadata.resourceVersion, made.metadata.resourceVersion);
  });

  test('bounds what patches make of an object, one by one', async () => {
    const before = owners(600_000);
    await client.create(gvr.configmaps, 'default', configMap('patched', before));
    const more = { metadata: { ownerReferences: [...before, ...owners(1_200_000, before.length)] } };
    await refused(client.patch(gvr.configmaps, 'default', 'patched', MERGE, more));
    const add = (more.metadata.ownerReferences as object[]).map((value) => ({
      op: 'add',
      path: '/metadata/ownerReferences/-',
      value,
    }));
    for (let at = 0, failed = false; !failed; at += 9999) {
      const step = add.slice(at, at + 9999);
      assert.ok(step.length > 0, 'every patch was taken');
      const work = client.patch(gvr.configmaps, 'default', 'patched', 'application/json-patch+json', step);
      const error = await work.then(
        () => undefined,
        (error) => error,
      );
      failed = error !== undefined;
      if (failed) await refused(Promise.reject(error));
    }
  });

  test('bounds an apply', () =>
    refused(
      client.patch(gvr.configmaps, 'default', 'applied', APPLY, configMap('applied', large()), { fieldManager: 'one' }),
    ));

  test('bounds a status', async () => {
    await client.create(gvr.deployments, 'default', deployment('told'));
    const status = { conditions: [{ type: 'A', status: 'True', message: 'x'.repeat(MAX_OBJECT_BYTES) }] };
    await refused(client.patch(gvr.deployments, 'default', 'told', MERGE, { status }, { subresource: 'status' }));
  });

  test('managedFields go when an object is too large with them, unless they are what an apply is for', async () => {
    const data = Object.fromEntries(Array.from({ length: 80_000 }, (_, i) => [`k${i}`, '']));
    const map = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
    const made = await client.create(gvr.configmaps, 'default', map('many'));
    assert.equal(made.metadata.managedFields, undefined);
    assert.equal(Object.keys(made['data']).length, 80_000);
    await refused(
      client.patch(gvr.configmaps, 'default', 'many-applied', APPLY, map('many-applied'), { fieldManager: 'one' }),
    );
  });

  test('is of no matter to a deletion', () => {
    const object = configMap('old', large());
    assert.throws(() => encodeForStorage(object), { code: 413 });
    assert.throws(() => encodeWritten(object, false), { code: 413 });
    assert.ok(encodeDeleted(object).length > MAX_OBJECT_BYTES);
  });
});
