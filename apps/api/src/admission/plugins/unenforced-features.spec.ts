import assert from 'node:assert/strict';
import { allResources } from '#kinds';
import { alice, lister, request } from '../testing/admission-requests.js';
import { type Unenforced, unenforced } from '../unenforced.js';
import { UnenforcedFeatures } from './unenforced-features.js';

const warns = new UnenforcedFeatures(lister({}));

type More = Parameters<typeof request>[3];

/** What is said to the writer of an object. */
function told(plugin: UnenforcedFeatures, path: string, object: object, more: More = {}): string[] {
  const warnings: string[] = [];
  const operation = more.oldObject ? 'UPDATE' : 'CREATE';
  const asked = request(operation, path, object as never, { warn: (text) => warnings.push(text), ...more });
  if (plugin.handles(asked)) plugin.validate(asked);
  return warnings;
}

describe('what nothing acts on', () => {
  const table: [path: string, object: object, warning: RegExp | undefined][] = [
    ['namespaces', { metadata: { labels: { team: 'a' } } }, undefined],
    ['networkpolicies.networking.k8s.io', {}, undefined],
    ['ingresses.networking.k8s.io', {}, undefined],
    ['pods', { spec: { volumes: [{ name: 'a', emptyDir: {} }] } }, undefined],
    ['csidrivers.storage.k8s.io', {}, /CSI drivers/],
    ['customresourcedefinitions.apiextensions.k8s.io', {}, undefined],
    ['services', { spec: { ipFamilies: ['IPv4'], healthCheckNodePort: 0 } }, undefined],
    ['services', { spec: { ipFamilies: ['IPv4', 'IPv6'] } }, /^spec\.ipFamilies: .* IPv6/],
    ['services', { spec: { type: 'ExternalName', ipFamilies: ['IPv6'] } }, undefined],
    ['services', { spec: { healthCheckNodePort: 30000, trafficDistribution: 'PreferSameZone' } }, undefined],
    ['clustertrustbundles.certificates.k8s.io', {}, undefined],
    ['podcertificaterequests.certificates.k8s.io', {}, undefined],
    ['resourceclaims.resource.k8s.io', {}, /devices/],
    ['resourceclaimtemplates.resource.k8s.io', {}, /devices/],
    ['deviceclasses.resource.k8s.io', {}, /devices/],
    ['devicetaintrules.resource.k8s.io', {}, /devices/],
    ['resourceslices.resource.k8s.io', {}, /devices/],
    ['configmaps', {}, undefined],
  ];
  for (const [path, object, warning] of table) {
    test(`${path} ${JSON.stringify(object)}`, () => {
      const warnings = told(warns, path, object);
      assert.equal(warnings.length, warning ? 1 : 0, warnings.join('\n'));
      if (warning) assert.match(warnings[0]!, warning);
    });
  }

  test('each resource of the list is served, and has its row here', () => {
    const served = new Set(allResources().map(({ storageResource }) => storageResource));
    const tried = new Set(
      table.flatMap(([path, , warning]) => {
        const [plural, ...group] = path.split('.');
        return warning ? [group.length > 0 ? `${group.join('.')}/${plural}` : plural!] : [];
      }),
    );
    for (const { resources } of unenforced) {
      for (const resource of resources) {
        assert.ok(served.has(resource), resource);
        assert.ok(tried.has(resource), resource);
      }
    }
  });

  test('status and deletes are nobody’s news', () => {
    assert.deepEqual(told(warns, 'csidrivers/status.storage.k8s.io', {}), []);
    assert.equal(warns.handles(request('DELETE', 'csidrivers.storage.k8s.io', undefined)), false);
  });
});

describe('a row', () => {
  const row: Unenforced = {
    resources: ['networking.k8s.io/networkpolicies'],
    feature: 'ingress rules',
    text: 'Berth does not use ingress rules yet',
    when: ({ spec }) => spec?.ingress !== undefined,
  };
  const plugin = new UnenforcedFeatures(lister({}), [row]);
  const path = 'networkpolicies.networking.k8s.io';
  const used = { spec: { ingress: [] } };

  test('is told of objects that use the feature, and not of what every cluster starts with', () => {
    assert.deepEqual(told(plugin, path, used), [row.text]);
    assert.deepEqual(told(plugin, path, { spec: {} }), []);
    assert.deepEqual(told(plugin, path, used, { user: { ...alice, name: 'system:apiserver' } }), []);
  });
});
