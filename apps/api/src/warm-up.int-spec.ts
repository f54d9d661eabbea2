import assert from 'node:assert/strict';
import type { Logger } from '#client';
import { gvr } from '#kinds';
import { testServer } from '#testing';

test('the warm-up gets all its requests through on a new cluster, and leaves nothing behind', async () => {
  const warnings: unknown[] = [];
  const said = new Map<string, any>();
  const logger = {
    info: (text: string, fields: object) => void said.set(text, fields),
    warn: (...all: unknown[]) => void warnings.push(all),
    error: (...all: unknown[]) => void warnings.push(all),
  } as unknown as Logger;
  const server = await testServer({ warmUp: true, logger });
  try {
    assert.ok(said.get('warmed up').rounds > 0);
    assert.deepEqual(warnings, []);
    const client = server.client();
    for (const resource of [gvr.pods, gvr.deployments, gvr.configmaps, gvr.leases]) {
      const { items } = await client.list(resource);
      assert.deepEqual(
        items.filter(({ metadata }) => metadata.name?.startsWith('warm-up')),
        [],
      );
    }
    const { metadata } = await client.get(gvr.namespaces, '', 'default');
    assert.equal(metadata.labels?.['patched'], undefined);
  } finally {
    await server.close();
  }
});
