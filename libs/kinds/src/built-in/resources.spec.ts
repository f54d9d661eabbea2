import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { applyScale, scaleOf } from '../autoscaling/v1/scale/scale.js';
import type { ResourceDefinition } from '../contract/definition.js';
import { kindKey } from '../facts/kind-key.js';
import { gvr } from '../generated/gvr.js';
import { bootstrapRbac } from '../rbac.authorization.k8s.io/v1/rbac-bootstrap.js';
import { given, resource } from '../testing/spec-support.js';
import { kindModules } from './kind-modules.generated.js';
import { allResources, findKind, findResource } from './resources.js';

describe('the resources', () => {
  it('are those of the release', () => {
    assert.equal(allResources().length, 72);
    assert.equal(findResource('apps', 'v1', 'deployments')?.kind, 'Deployment');
    assert.equal(findKind('', 'v1', 'Pod')?.plural, 'pods');
    assert.equal(findResource('apps', 'v2', 'deployments'), undefined);
  });

  it('all have a name in the gvr table', () => {
    const named = new Set(Object.values(gvr).map((item) => JSON.stringify(item)));
    for (const { group, version, plural } of allResources()) {
      assert.ok(named.has(JSON.stringify({ group, version, resource: plural })), plural);
    }
    assert.equal(named.size, allResources().length);
  });

  it('share storage where two versions are one object', () => {
    const events = resource('events.k8s.io/v1/events');
    assert.deepEqual([events.storageResource, events.storageVersion], ['events', { group: '', version: 'v1' }]);
    const [v1, v2] = ['v1', 'v2'].map((version) => resource(`autoscaling/${version}/horizontalpodautoscalers`));
    assert.equal(v1!.storageResource, v2!.storageResource);
    assert.deepEqual(v1!.storageVersion, { group: 'autoscaling', version: 'v2' });
    assert.equal(resource('apps/v1/deployments').storageResource, 'apps/deployments');
    const converted = allResources().filter(({ conversion }) => conversion !== undefined);
    assert.deepEqual(
      converted.map(({ group, version, plural, conversion }) => [group, version, plural, conversion!.sync]),
      [
        ['events.k8s.io', 'v1', 'events', true],
        ['autoscaling', 'v1', 'horizontalpodautoscalers', true],
      ],
    );
  });

  it('have a module each at most', () => {
    const keys = kindModules.map(({ group, version, kind }) => kindKey(group, version, kind));
    assert.equal(new Set(keys).size, keys.length);
    for (const { group, version, kind } of kindModules) assert.ok(findKind(group, version, kind), kind);
  });

  it('tell what a delete answers, and which of them are never collected', () => {
    const named = (which: (policy: ResourceDefinition['deletion']) => unknown): string[] =>
      allResources()
        .filter(({ deletion }) => which(deletion))
        .map(({ group, plural }) => (group === '' ? plural : `${plural}.${group}`))
        .sort();
    assert.deepEqual(
      named(({ returnsObject }) => returnsObject),
      [
        'csidrivers.storage.k8s.io',
        'csinodes.storage.k8s.io',
        'deviceclasses.resource.k8s.io',
        'namespaces',
        'persistentvolumeclaims',
        'persistentvolumes',
        'pods',
        'podtemplates',
        'resourceclaims.resource.k8s.io',
        'resourceclaimtemplates.resource.k8s.io',
        'resourcequotas',
        'resourceslices.resource.k8s.io',
        'serviceaccounts',
        'services',
        'storageclasses.storage.k8s.io',
        'volumeattachments.storage.k8s.io',
        'volumeattributesclasses.storage.k8s.io',
      ],
    );
    assert.deepEqual(
      named(({ uncollected }) => uncollected),
      ['events', 'events.events.k8s.io'],
    );
    assert.deepEqual(
      named(({ isHeld, markFirst }) => isHeld ?? markFirst),
      ['customresourcedefinitions.apiextensions.k8s.io', 'namespaces'],
    );
  });

  it('tell the values of their field labels', () => {
    const pods = resource('v1/pods');
    const pod = given('v1/pods', { spec: { nodeName: 'n', hostNetwork: true }, status: { podIP: '10.0.0.1' } });
    const values = [
      'metadata.name',
      'metadata.namespace',
      'spec.nodeName',
      'spec.host',
      'spec.hostNetwork',
      'status.podIP',
      'status.phase',
    ];
    assert.deepEqual(
      values.map((label) => pods.fieldValue(pod, label)),
      ['it', 'ns', 'n', 'n', 'true', '10.0.0.1', ''],
    );
    assert.ok(pods.fieldLabels.includes('status.podIPs'));
    assert.equal(resource('v1/nodes').fieldValue(given('v1/nodes'), 'spec.unschedulable'), 'false');
    assert.equal(resource('v1/events').fieldValue(given('v1/events', { source: { component: 'c' } }), 'source'), 'c');
    assert.equal(resource('batch/v1/jobs').fieldValue(given('batch/v1/jobs'), 'status.successful'), '0');
  });

  it('have generated files that are up to date', () => {
    const script = fileURLToPath(new URL('../../../../../scripts/generate.mjs', import.meta.url));
    const run = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  });
});

describe('scale', () => {
  it('is read and written', () => {
    const selector = { matchLabels: { b: '2', a: '1' } };
    const set = given('apps/v1/replicasets', { spec: { replicas: 3, selector }, status: { replicas: 2 } });
    const scale = scaleOf(set);
    assert.deepEqual([scale.spec, scale.status], [{ replicas: 3 }, { replicas: 2, selector: 'a=1,b=2' }]);
    applyScale(set, { spec: {} });
    assert.equal(set['spec'].replicas, 0);
    const controller = given('v1/replicationcontrollers', { spec: { selector: { x: 'y' } } });
    assert.equal(scaleOf(controller).status?.selector, 'x=y');
  });
});

describe('the bootstrap roles', () => {
  const { clusterRoles, clusterRoleBindings, roles, roleBindings } = bootstrapRbac();

  it('are all there', () => {
    assert.deepEqual(
      [clusterRoles, clusterRoleBindings, roles, roleBindings].map((list) => list.length),
      [76, 57, 7, 7],
    );
  });

  it('aggregate by labels', () => {
    const admin = clusterRoles.find(({ metadata }) => metadata.name === 'admin');
    assert.deepEqual(admin?.aggregationRule?.clusterRoleSelectors, [
      { matchLabels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } },
    ]);
    assert.equal(admin?.metadata.labels?.['kubernetes.io/bootstrapping'], 'rbac-defaults');
  });

  it('are bound to users, groups and service accounts', () => {
    const of = (name: string) => clusterRoleBindings.find(({ metadata }) => metadata.name === name);
    assert.deepEqual(of('cluster-admin')?.subjects, [
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:masters' },
    ]);
    assert.deepEqual(of('system:kube-dns')?.subjects, [
      { kind: 'ServiceAccount', name: 'kube-dns', namespace: 'kube-system' },
    ]);
    assert.equal(of('system:node')?.subjects, undefined);
  });

  it('pass validation', () => {
    const { strategy } = resource('rbac.authorization.k8s.io/v1/clusterroles');
    for (const role of clusterRoles) {
      const context = { user: { name: 'x', groups: [] }, now: new Date(), subresource: '', warn() {} };
      assert.deepEqual(strategy.validateCreate(structuredClone(role) as any, context), []);
    }
  });
});
