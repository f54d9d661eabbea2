import assert from 'node:assert/strict';
import { isNotFound } from '#apimachinery';
import type { Store } from '../../storage/store.js';
import { componentStatuses } from './component-statuses.js';

const NOW = new Date('2026-01-01T00:01:00Z');
const lease = (renewTime: string, holderIdentity = 'a') => ({
  spec: { holderIdentity, renewTime, leaseDurationSeconds: 15 },
});

function statuses(leases: Record<string, object>, ping: () => Promise<void> = async () => {}) {
  const cache = () => ({ get: (_: string, name: string) => leases[name] && { parse: () => leases[name] } });
  return componentStatuses({ cache, ping } as unknown as Pick<Store, 'cache' | 'ping'>, () => NOW);
}

async function conditions(resource: ReturnType<typeof statuses>): Promise<Record<string, object>> {
  const items = await resource.list({ namespace: undefined, filter: undefined });
  return Object.fromEntries(items.map((item) => [item.metadata.name, item['conditions'][0]]));
}

describe('component statuses', () => {
  it('are healthy while processes lead and the database answers', async () => {
    const fresh = lease('2026-01-01T00:00:50Z');
    const healthy = { type: 'Healthy', status: 'True', message: 'ok' };
    assert.deepEqual(await conditions(statuses({ 'kube-controller-manager': fresh, 'kube-scheduler': fresh })), {
      'controller-manager': healthy,
      'etcd-0': healthy,
      scheduler: healthy,
    });
  });

  it('say what is wrong', async () => {
    const leases = { 'kube-controller-manager': lease('2026-01-01T00:00:40Z'), 'kube-scheduler': lease('', '') };
    const unhealthy = (error: string) => ({ type: 'Healthy', status: 'False', error });
    const ping = () => Promise.reject(new Error('connection refused'));
    assert.deepEqual(await conditions(statuses(leases, ping)), {
      'controller-manager': unhealthy('a has not renewed its lease since 2026-01-01T00:00:40Z'),
      'etcd-0': unhealthy('connection refused'),
      scheduler: unhealthy('no process leads'),
    });
  });

  it('are got by name', async () => {
    const resource = statuses({});
    assert.equal((await resource.get('', 'etcd-0')).metadata.name, 'etcd-0');
    await assert.rejects(async () => resource.get('', 'etcd-1'), isNotFound);
  });

  it('follow selectors', async () => {
    const filter = { matches: ({ name }: { name: string }) => name === 'scheduler' };
    const items = await statuses({}).list({ namespace: undefined, filter });
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['scheduler'],
    );
  });
});
