import assert from 'node:assert/strict';
import { loopContext } from '#testing';
import { startScheduler } from '../start-scheduler.js';
import { eventually, MemoryApi, node, pod } from '../testing/memory-api.js';

const SELECTED = 'volume.kubernetes.io/selected-node';

describe('A pod with claims', () => {
  let api: MemoryApi;
  let abort: AbortController;
  let running: Promise<boolean>;

  const nodeOf = (name: string): string | undefined => api.pod(name)?.spec.nodeName;
  const why = (name: string): string | undefined => api.pod(name)?.status.conditions?.[0]?.message;
  const claimOf = (name: string): any => api.objects.get(`persistentvolumeclaims/default/${name}`);
  const volumeOf = (name: string): any => api.objects.get(`persistentvolumes//${name}`);
  const putClaim = (name: string, spec: object = {}) =>
    api.put('persistentvolumeclaims', {
      metadata: { name, namespace: 'default' },
      spec: {
        storageClassName: 'late',
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        ...spec,
      },
      status: { phase: 'Pending' },
    });
  const putVolume = (name: string, on: string) => {
    const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [on] }];
    api.put('persistentvolumes', {
      metadata: { name },
      spec: {
        storageClassName: 'late',
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
      },
      status: { phase: 'Available' },
    });
  };
  const putClass = (provisioner: string) =>
    api.put('storageclasses', { metadata: { name: 'late' }, provisioner, volumeBindingMode: 'WaitForFirstConsumer' });
  const putPod = (name: string, claim = 'data') =>
    api.put('pods', pod(name, '1', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: claim } }] }));
  /** What the binder does once a claim and a volume are each other's. */
  const finish = (claim: string, volumeName: string) => {
    const found = claimOf(claim);
    const annotations = { ...found.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
    api.put('persistentvolumeclaims', {
      ...found,
      metadata: { ...found.metadata, annotations },
      spec: { ...found.spec, volumeName },
      status: { phase: 'Bound' },
    });
  };

  beforeEach(() => {
    api = new MemoryApi();
    abort = new AbortController();
    const { client } = api;
    running = startScheduler({
      ...loopContext(client),
      client,
      signal: abort.signal,
      seed: 1,
      leaderElect: false,
    });
  });

  afterEach(async () => {
    abort.abort();
    await running;
  });

  it('goes where its volume is, once that is its own', async () => {
    for (const name of ['a', 'b', 'c']) api.put('nodes', node(name));
    putClass('kubernetes.io/no-provisioner');
    putVolume('disk', 'b');
    putClaim('data');
    putPod('x');
    await eventually('the volume is reserved', () => volumeOf('disk').spec.claimRef?.name === 'data');
    assert.equal(volumeOf('disk').metadata.annotations['pv.kubernetes.io/bound-by-controller'], 'yes');
    assert.equal(nodeOf('x'), undefined);
    finish('data', 'disk');
    await eventually('bound', () => nodeOf('x') === 'b');
  });

  it('has a volume made for the node that it gets', async () => {
    api.put('nodes', node('a'));
    putClass('example.com/disk');
    putClaim('data');
    putPod('x');
    await eventually('the node is told', () => claimOf('data').metadata.annotations?.[SELECTED] === 'a');
    putVolume('made', 'a');
    finish('data', 'made');
    await eventually('bound', () => nodeOf('x') === 'a');
  });

  it('starts again when its volume cannot be made', async () => {
    api.put('nodes', node('a'));
    putClass('example.com/disk');
    putClaim('data');
    putPod('x');
    await eventually('the node is told', () => claimOf('data').metadata.annotations?.[SELECTED] === 'a');
    const found = claimOf('data');
    api.put('persistentvolumeclaims', { ...found, metadata: { ...found.metadata, annotations: {} } });
    await eventually('the failure is told', () =>
      api.events.some(({ note }) => /provisioning failed for PVC "data"$/.test(String(note))),
    );
    await eventually('the node is told again', () => claimOf('data').metadata.annotations?.[SELECTED] === 'a');
  });

  it('does not get a volume that another one was promised', async () => {
    api.put('nodes', node('a'));
    putClass('kubernetes.io/no-provisioner');
    putVolume('disk', 'a');
    putClaim('data');
    putClaim('more');
    putPod('x');
    putPod('y', 'more');
    const none =
      "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind. preemption: 0/1 nodes are " +
      'available: 1 Preemption is not helpful for scheduling.';
    await eventually('one of them waits', () => [why('x'), why('y')].includes(none));
    const winner = volumeOf('disk').spec.claimRef.name;
    finish(winner, 'disk');
    await eventually('the other one runs', () => nodeOf(winner === 'data' ? 'x' : 'y') === 'a');
    putVolume('second', 'a');
    const loser = winner === 'data' ? 'more' : 'data';
    await eventually('the new volume is promised', () => volumeOf('second').spec.claimRef?.name === loser);
  });

  it('waits while another one has a claim for one pod', async () => {
    api.put('nodes', node('a'));
    putClass('example.com/disk');
    putVolume('disk', 'a');
    putClaim('data', { accessModes: ['ReadWriteOncePod'] });
    finish('data', 'disk');
    putPod('x');
    await eventually('the first runs', () => nodeOf('x') === 'a');
    putPod('y');
    await eventually('the second waits', () => why('y') !== undefined);
    assert.equal(
      why('y'),
      '0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode ' +
        'already in-use by another pod. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    api.remove('pods', 'default', 'x');
    await eventually('the second runs', () => nodeOf('y') === 'a');
  });

  it('takes a claim for one pod from one that matters less', async () => {
    api.put('nodes', node('a'));
    putClass('example.com/disk');
    putVolume('disk', 'a');
    putClaim('data', { accessModes: ['ReadWriteOncePod'], volumeName: 'disk' });
    finish('data', 'disk');
    putPod('x');
    await eventually('the first runs', () => nodeOf('x') === 'a');
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
    api.put('pods', pod('y', '1', { volumes, priority: 10 }));
    await eventually('the other one is evicted', () => api.pod('x') === undefined);
    await eventually('the second runs', () => nodeOf('y') === 'a');
  });

  it('waits for claims that should be bound before it', async () => {
    api.put('nodes', node('a'));
    putClaim('data', { storageClassName: 'early' });
    putPod('x');
    await eventually('rejected', () => why('x') !== undefined);
    assert.match(
      why('x')!,
      /^0\/1 nodes are available: pod has unbound immediate PersistentVolumeClaims\. preemption: /,
    );
  });
});
