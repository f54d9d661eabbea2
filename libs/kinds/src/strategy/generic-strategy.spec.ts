import assert from 'node:assert/strict';
import { context, created, given, resource, updated } from '../testing/spec-support.js';

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const deployment = { spec: { selector: { matchLabels: { a: 'b' } }, template } };

describe('the generic strategy', () => {
  it('clears status and begins the generation on create', () => {
    const object = created('apps/v1/deployments', {
      ...deployment,
      metadata: { generation: 9 },
      status: { replicas: 3 },
    });
    assert.deepEqual([object.metadata.generation, object['status']], [1, {}]);
  });

  it('keeps a status that creators may set', () => {
    const object = created('v1/nodes', { status: { capacity: { cpu: '1' } } });
    assert.deepEqual(object['status'].capacity, { cpu: '1' });
  });

  it('bumps the generation when the spec changes, and only then', () => {
    const bumped = (change: (object: any) => void, endpoint = ''): number =>
      updated('apps/v1/deployments', deployment, change, endpoint).object.metadata.generation;
    assert.equal(
      bumped(() => {}),
      1,
    );
    assert.equal(
      bumped(({ spec }) => (spec.replicas = 2)),
      2,
    );
    assert.equal(
      bumped(({ metadata }) => (metadata.annotations = { x: 'y' })),
      2,
    );
    assert.equal(
      bumped(({ metadata }) => (metadata.labels = { x: 'y' })),
      1,
    );
    assert.equal(
      bumped(({ metadata }) => (metadata.generation = 77)),
      1,
    );
    assert.equal(
      bumped(({ status }) => (status.replicas = 2), 'status'),
      1,
    );
    assert.equal(
      bumped(({ spec }) => (spec.template.spec.volumes = [])),
      1,
    );
  });

  it('keeps the status on the main endpoint and all else on the status endpoint', () => {
    const change = (object: any): void => {
      object.spec.replicas = 5;
      object.status = { replicas: 5 };
    };
    const main = updated('apps/v1/deployments', deployment, change).object;
    assert.deepEqual([main.spec.replicas, main.status], [5, {}]);
    const status = updated('apps/v1/deployments', deployment, change, 'status').object;
    assert.deepEqual([status.spec.replicas, status.status], [1, { replicas: 5 }]);
  });

  it('takes over what the request left out of the metadata', () => {
    const { object, errors } = updated('v1/configmaps', {}, ({ metadata }) => {
      delete metadata.uid;
      delete metadata.creationTimestamp;
    });
    assert.equal(object.metadata.uid, 'uid-1');
    assert.deepEqual(errors, []);
  });

  it('asks some kinds for a resourceVersion', () => {
    const without = (path: string): string[] =>
      updated(path, {}, ({ metadata }) => delete metadata.resourceVersion).errors;
    assert.deepEqual(without('coordination.k8s.io/v1/leases'), [
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
    ]);
    assert.deepEqual(without('v1/configmaps'), []);
  });

  it('tells what a PUT and a delete may do', () => {
    const traits = (path: string) => {
      const { strategy } = resource(path);
      return [strategy.allowCreateOnUpdate, strategy.allowUnconditionalUpdate, strategy.defaultPropagation];
    };
    assert.deepEqual(traits('v1/pods'), [false, true, 'Background']);
    assert.deepEqual(traits('v1/services'), [true, true, 'Background']);
    assert.deepEqual(traits('coordination.k8s.io/v1/leases'), [true, false, 'Background']);
    assert.deepEqual(traits('rbac.authorization.k8s.io/v1/roles'), [true, true, 'Background']);
    assert.deepEqual(traits('admissionregistration.k8s.io/v1/validatingadmissionpolicies'), [
      false,
      false,
      'Background',
    ]);
    assert.deepEqual(traits('policy/v1/poddisruptionbudgets'), [false, false, 'Background']);
    assert.deepEqual(traits('batch/v1/jobs'), [false, true, 'Orphan']);
    assert.deepEqual(traits('v1/replicationcontrollers'), [false, true, 'Orphan']);
  });
});

describe('strategies of kinds', () => {
  it('a namespace is active and has its finalizer and label', () => {
    const namespace = created('v1/namespaces', { metadata: { name: 'x' }, spec: { finalizers: ['a/b'] } });
    assert.deepEqual(namespace['spec'].finalizers, ['a/b', 'kubernetes']);
    assert.deepEqual(namespace['status'], { phase: 'Active' });
    assert.deepEqual(updated('v1/namespaces', {}, ({ spec }) => delete spec.finalizers).object.spec.finalizers, [
      'kubernetes',
    ]);
    assert.deepEqual(
      updated('v1/namespaces', {}, ({ spec }) => (spec.finalizers = []), 'finalize').object.spec.finalizers,
      [],
    );
  });

  it('a secret takes stringData over data', () => {
    const secret = created('v1/secrets', { data: { a: 'YQ==', b: 'Yg==' }, stringData: { b: 'new' } });
    assert.deepEqual([secret['data'], secret['stringData']], [{ a: 'YQ==', b: 'bmV3' }, undefined]);
  });

  it('a job selects its pods by its uid, unless told otherwise', () => {
    const job = created('batch/v1/jobs', { spec: { template } });
    assert.deepEqual(job['spec'].selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'uid-1' } });
    assert.deepEqual(job['spec'].template.metadata.labels, {
      'batch.kubernetes.io/job-name': 'it',
      'job-name': 'it',
      'batch.kubernetes.io/controller-uid': 'uid-1',
      'controller-uid': 'uid-1',
      a: 'b',
    });
    const manual = created('batch/v1/jobs', {
      spec: { manualSelector: true, selector: { matchLabels: { a: 'b' } }, template },
    });
    assert.deepEqual(manual['spec'].selector, { matchLabels: { a: 'b' } });
  });

  it('a daemon set counts its templates in an annotation', () => {
    const body = { spec: { selector: { matchLabels: { a: 'b' } }, template } };
    const annotation = 'deprecated.daemonset.template.generation';
    assert.equal(created('apps/v1/daemonsets', body).metadata.annotations?.[annotation], '1');
    const change = ({ spec }: any): void => {
      spec.template.spec.containers[0].image = 'j';
    };
    assert.equal(updated('apps/v1/daemonsets', body, change).object.metadata.annotations[annotation], '2');
  });

  it('a certificate request carries who made it', () => {
    const csr = created('certificates.k8s.io/v1/certificatesigningrequests', {
      spec: { request: '', signerName: 's/x', username: 'root' },
    });
    assert.deepEqual([csr['spec'].username, csr['spec'].groups], ['jane', ['devs']]);
  });

  it('a definition remembers the versions that were stored', () => {
    const path = 'apiextensions.k8s.io/v1/customresourcedefinitions';
    const names = { plural: 'foos', kind: 'Foo' };
    const body = {
      spec: { group: 'x.y', scope: 'Cluster', names, versions: [{ name: 'v1', served: true, storage: true }] },
    };
    assert.deepEqual(created(path, body)['status'].storedVersions, ['v1']);
    const { object } = updated(path, body, ({ spec }) => {
      spec.versions = [{ name: 'v2', served: true, storage: true }];
    });
    assert.deepEqual(object.status.storedVersions, ['v1', 'v2']);
  });

  it('a service drops what its new type has no use for', () => {
    const ports = [{ port: 80, nodePort: 30001 }];
    const body = { spec: { type: 'NodePort', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports } };
    const changed = updated('v1/services', body, ({ spec }) => (spec.type = 'ClusterIP'));
    assert.deepEqual(changed.errors, []);
    assert.deepEqual(
      [changed.object.spec.ports[0].nodePort, changed.object.spec.externalTrafficPolicy],
      [undefined, undefined],
    );
  });

  it('a local API service is available at once', () => {
    const service = created('apiregistration.k8s.io/v1/apiservices', { spec: { group: 'apps', version: 'v1' } });
    assert.deepEqual(
      [service['status'].conditions[0].status, service['status'].conditions[0].reason],
      ['True', 'Local'],
    );
  });

  it('writes of a frozen stored object are not touched', () => {
    const { strategy } = resource('v1/pods');
    const old = Object.freeze(created('v1/pods', { spec: { containers: [{ name: 'c', image: 'i' }] } }));
    const pod = given('v1/pods', { spec: { containers: [{ name: 'c', image: 'j' }] } });
    strategy.prepareForUpdate(pod, old, context());
    assert.equal(pod.metadata.generation, 2);
    assert.equal(old['spec'].containers[0].image, 'i');
  });
});
