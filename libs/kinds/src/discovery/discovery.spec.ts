import assert from 'node:assert/strict';
import { allResources } from '../built-in/resources.js';
import { resource } from '../testing/spec-support.js';
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  servedGroups,
  storageVersionHash,
} from './discovery.js';

const all = allResources();

describe('discovery', () => {
  it('lists groups in order, with the preferred version first', () => {
    const list: any = apiGroupList(all);
    assert.equal(list.groups.length, 21);
    const autoscaling = list.groups.find(({ name }: any) => name === 'autoscaling');
    assert.deepEqual(
      autoscaling.versions.map(({ version }: any) => version),
      ['v2', 'v1'],
    );
    assert.deepEqual(autoscaling.preferredVersion, { groupVersion: 'autoscaling/v2', version: 'v2' });
    assert.equal(apiGroup(all, 'nope'), undefined);
    assert.equal((apiGroup(all, 'apps') as any).preferredVersion.groupVersion, 'apps/v1');
    assert.deepEqual((apiVersions('1.2.3.4:6443') as any).versions, ['v1']);
  });

  it('puts groups that it does not know at the end', () => {
    const custom = { ...resource('v1/pods'), group: 'x.io', version: 'v1beta1' };
    assert.deepEqual(servedGroups([...all, custom]).at(-1), { name: 'x.io', versions: ['v1beta1'] });
  });

  it('describes resources and subresources', () => {
    const list: any = apiResourceList(all, 'apps', 'v1');
    const entry = (name: string): any => list.resources.find((item: any) => item.name === name);
    assert.equal(list.groupVersion, 'apps/v1');
    assert.deepEqual(entry('deployments'), {
      name: 'deployments',
      singularName: 'deployment',
      namespaced: true,
      kind: 'Deployment',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['deploy'],
      categories: ['all'],
      storageVersionHash: '8aSe+NMegvE=',
    });
    assert.deepEqual(entry('deployments/scale'), {
      name: 'deployments/scale',
      singularName: '',
      namespaced: true,
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: ['get', 'patch', 'update'],
    });
    assert.equal(apiResourceList(all, 'apps', 'v2'), undefined);
    const reviews: any = apiResourceList(all, 'authentication.k8s.io', 'v1');
    assert.equal(reviews.resources[0].storageVersionHash, undefined);
  });

  it('hashes the stored version', () => {
    assert.equal(storageVersionHash(resource('v1/pods')), 'xPOwRZ+Yhw8=');
    assert.equal(storageVersionHash(resource('events.k8s.io/v1/events')), storageVersionHash(resource('v1/events')));
  });

  it('aggregates', () => {
    const core: any = aggregatedDiscovery(all, '/api');
    assert.deepEqual([core.items.length, core.items[0].metadata], [1, {}]);
    const pods = core.items[0].versions[0].resources.find((item: any) => item.resource === 'pods');
    assert.deepEqual([pods.scope, pods.responseKind], ['Namespaced', { group: '', version: 'v1', kind: 'Pod' }]);
    const eviction = pods.subresources.find((item: any) => item.subresource === 'eviction');
    assert.deepEqual(eviction.responseKind, { group: 'policy', version: 'v1', kind: 'Eviction' });
    const groups: any = aggregatedDiscovery(all, '/apis', 'v2beta1');
    assert.deepEqual([groups.items.length, groups.apiVersion], [21, 'apidiscovery.k8s.io/v2beta1']);
  });
});
