import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeUnless, testUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';

const IMAGE = 'berth.local/web:1';
const FOREVER = 'while :; do sleep 1; done';

const claim = (name: string, more = '') =>
  `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: ${name}}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}${more}}\n`;
const container = (script: string, more = '') =>
  `{name: c, image: ${IMAGE}, command: [sh, -c, ${JSON.stringify(script)}], volumeMounts: [{name: data, mountPath: /data${more}}]}`;
const pod = (name: string, script: string, volume: string, more = '') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {terminationGracePeriodSeconds: 1, containers: [${container(script)}], volumes: [{name: data, ${volume}}]${more}}\n`;
const using = (name: string) => `persistentVolumeClaim: {claimName: ${name}}`;

describeUnless(clusterMissing(), 'volumes of claims', () => {
  let cluster: Cluster;
  let storage: string;

  const folderOf = (name: string): string | undefined =>
    existsSync(storage) ? readdirSync(storage).find((folder) => folder.endsWith(`_default_${name}`)) : undefined;
  const ready = (name: string) => cluster.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
  const inPod = async (name: string, script: string) =>
    (await cluster.kubectl('exec', name, '--', 'sh', '-c', script)).trim();
  const gone = (kind: string, name: string) =>
    cluster.kubectl('wait', '--for=delete', `${kind}/${name}`, '--timeout=60s');
  const deletePod = (name: string) => cluster.kubectl('delete', 'pod', name, '--timeout=60s');

  beforeAll(async () => {
    cluster = new Cluster('volumes');
    storage = join(cluster.dataDir, 'storage');
    await cluster.up();
    await cluster.importImage(IMAGE, 'page');
  });
  afterAll(() => cluster?.close());

  test('keep what pods wrote, and go with their claim', async () => {
    await cluster.apply(claim('data'));
    await until('the claim says what it waits for', async () =>
      (await cluster.kubectl('describe', 'pvc', 'data')).includes('waiting for first consumer to be created'),
    );
    await cluster.apply(
      pod('writer', `echo kept > /data/file; ${FOREVER}`, using('data'), ', securityContext: {fsGroup: 4242}'),
    );
    await ready('writer');
    const folder = folderOf('data')!;
    assert.match(folder, /^pvc-[0-9a-f-]{36}_default_data$/);
    assert.equal(readFileSync(join(storage, folder, 'file'), 'utf8'), 'kept\n');
    assert.equal(await inPod('writer', 'stat -c %g /data/file'), '4242');
    const bound = await cluster.json('get', 'pvc', 'data');
    assert.equal(bound.status.phase, 'Bound');
    assert.equal(bound.spec.storageClassName, 'local-path');
    // Protected by the pod that has it.
    await cluster.kubectl('delete', 'pvc', 'data', '--wait=false');
    assert.equal((await cluster.json('get', 'pvc', 'data')).metadata.finalizers[0], 'kubernetes.io/pvc-protection');
    assert.ok(folderOf('data'));
    await deletePod('writer');
    await gone('pvc', 'data');
    await until('the folder goes', async () => folderOf('data') === undefined);
    await until('the volume goes', async () => (await cluster.json('get', 'pv')).items.length === 0);
  });

  test('that are deleted under a pod stay with it, and go after it', async () => {
    await cluster.apply(claim('pulled'));
    await cluster.apply(pod('holder', `echo kept > /data/file; ${FOREVER}`, using('pulled')));
    await ready('holder');
    const { spec } = await cluster.json('get', 'pvc', 'pulled');
    await cluster.kubectl('delete', 'pv', spec.volumeName, '--wait=false');
    await cluster.kubectl('delete', 'pvc', 'pulled', '--wait=false');
    for (const [kind, name, finalizer] of [
      ['pv', spec.volumeName, 'kubernetes.io/pv-protection'],
      ['pvc', 'pulled', 'kubernetes.io/pvc-protection'],
    ]) {
      const { metadata } = await cluster.json('get', kind, name);
      assert.ok(metadata.deletionTimestamp && metadata.finalizers.includes(finalizer), `${kind} is protected`);
    }
    assert.equal(await inPod('holder', 'echo more >> /data/file; cat /data/file'), 'kept\nmore');
    assert.ok(folderOf('pulled'));
    await deletePod('holder');
    await gone('pvc', 'pulled');
    await gone('pv', spec.volumeName);
    assert.equal(folderOf('pulled'), undefined);
  });

  test('come back with the pods of a StatefulSet', async () => {
    const template = `{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}`;
    await cluster.apply(
      `apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {replicas: 2, serviceName: db, selector: {matchLabels: {app: db}}, volumeClaimTemplates: [${template}], template: {metadata: {labels: {app: db}}, spec: {terminationGracePeriodSeconds: 1, containers: [${container(`hostname >> /data/starts; ${FOREVER}`)}]}}}\n`,
    );
    await cluster.kubectl('rollout', 'status', 'statefulset/db', '--timeout=90s');
    await deletePod('db-0');
    await until(
      'the pod comes back to its data',
      async () => {
        const output = await cluster.run([
          'kubectl',
          `--kubeconfig=${cluster.kubeconfig}`,
          'exec',
          'db-0',
          '--',
          'cat',
          '/data/starts',
        ]);
        return output.stdout === 'db-0\ndb-0\n';
      },
      60,
    );
    assert.equal(await inPod('db-1', 'cat /data/starts'), 'db-1');
    await cluster.kubectl('delete', 'statefulset', 'db');
    await cluster.kubectl('delete', 'pvc', 'data-db-0', 'data-db-1', '--timeout=60s');
    await until('the folders go', async () => !folderOf('data-db-0') && !folderOf('data-db-1'), 60);
  });

  test('are read-only and in parts where pods say so', async () => {
    await cluster.apply(claim('parts'));
    await cluster.apply(pod('maker', `mkdir /data/part; echo inside > /data/part/file; ${FOREVER}`, using('parts')));
    await ready('maker');
    await cluster.apply(
      pod('reader', FOREVER, 'persistentVolumeClaim: {claimName: parts, readOnly: true}').replace(
        'mountPath: /data}',
        'mountPath: /data, subPath: part}',
      ),
    );
    await ready('reader');
    assert.equal(
      await inPod('reader', 'cat /data/file; touch /data/more 2>&1 || true'),
      'inside\ntouch: /data/more: Read-only file system',
    );
    await cluster.kubectl('delete', 'pod', 'maker', 'reader', '--timeout=60s');
    await cluster.kubectl('delete', 'pvc', 'parts', '--timeout=60s');
    await until('the folder goes', async () => folderOf('parts') === undefined);
  });

  test('that are made for one pod go with it', async () => {
    const template =
      'ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}}';
    await cluster.apply(pod('scratch', FOREVER, template));
    await ready('scratch');
    assert.ok(folderOf('scratch-data'));
    await deletePod('scratch');
    await until('the folder goes', async () => folderOf('scratch-data') === undefined, 60);
  });

  test('on disks of an administrator are used and kept', async () => {
    const disk = join(cluster.directory, 'disk');
    mkdirSync(disk, { mode: 0o777 });
    await cluster.apply(
      `apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Mi}, storageClassName: "", hostPath: {path: ${disk}, type: Directory}}\n`,
    );
    await cluster.apply(claim('by-hand', ', storageClassName: ""'));
    await cluster.apply(pod('user', `echo mine > /data/file; ${FOREVER}`, using('by-hand')));
    await ready('user');
    assert.equal(readFileSync(join(disk, 'file'), 'utf8'), 'mine\n');
    await deletePod('user');
    await cluster.kubectl('delete', 'pvc', 'by-hand', '--timeout=60s');
    await cluster.kubectl('wait', '--for=jsonpath={.status.phase}=Released', 'pv/disk', '--timeout=30s');
    assert.equal(readFileSync(join(disk, 'file'), 'utf8'), 'mine\n');
    // It is not given to another claim until its administrator offers it again: then with what is in it.
    await cluster.apply(claim('again', ', storageClassName: ""'));
    await cluster.apply(pod('heir', FOREVER, using('again')));
    await until('the claim says that it waits', async () =>
      (await cluster.kubectl('describe', 'pvc', 'again')).includes('no persistent volumes available for this claim'),
    );
    await cluster.kubectl('patch', 'pv', 'disk', '-p', '{"spec":{"claimRef":null}}');
    await ready('heir');
    assert.equal(await inPod('heir', 'cat /data/file'), 'mine');
    await deletePod('heir');
    await cluster.kubectl('delete', 'pvc', 'again', '--timeout=60s');
    await cluster.kubectl('delete', 'pv', 'disk', '--timeout=30s');
  });

  test('grow', async () => {
    await cluster.apply(claim('growing'));
    await cluster.apply(pod('grower', FOREVER, using('growing')));
    await ready('grower');
    await cluster.kubectl('patch', 'pvc', 'growing', '-p', '{"spec":{"resources":{"requests":{"storage":"2Mi"}}}}');
    await cluster.kubectl('wait', '--for=jsonpath={.status.capacity.storage}=2Mi', 'pvc/growing', '--timeout=30s');
    await deletePod('grower');
    await cluster.kubectl('delete', 'pvc', 'growing', '--timeout=60s');
  });

  test('have the folder that their class names, and find in it what an earlier volume left', async () => {
    await cluster.apply(
      `apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: named}\nprovisioner: berth.io/local-path\nreclaimPolicy: Retain\nvolumeBindingMode: WaitForFirstConsumer\nparameters: {pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}"}\n`,
    );
    const file = join(storage, 'default/named/file');
    for (const turn of ['first', 'second']) {
      await cluster.apply(claim('named', ', storageClassName: named'));
      await cluster.apply(pod('namer', `echo ${turn} >> /data/file; ${FOREVER}`, using('named')));
      await ready('namer');
      const { spec } = await cluster.json('get', 'pvc', 'named');
      await until('the pod wrote', async () => readFileSync(file, 'utf8').endsWith(`${turn}\n`));
      await deletePod('namer');
      await cluster.kubectl('delete', 'pvc', 'named', '--timeout=60s');
      await cluster.kubectl('delete', 'pv', spec.volumeName, '--timeout=60s');
    }
    assert.equal(readFileSync(file, 'utf8'), 'first\nsecond\n');
  });

  test('whose folder became a link take nothing with them that it leads to', async () => {
    await cluster.apply(claim('linked'));
    await cluster.apply(pod('linker', FOREVER, using('linked')));
    await ready('linker');
    await deletePod('linker');
    const precious = join(cluster.directory, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), 'kept');
    const folder = join(storage, folderOf('linked')!);
    renameSync(folder, join(cluster.directory, 'moved'));
    symlinkSync(precious, folder);
    await cluster.kubectl('delete', 'pvc', 'linked', '--timeout=60s');
    await until('the link goes', async () => folderOf('linked') === undefined);
    assert.equal(readFileSync(join(precious, 'file'), 'utf8'), 'kept');
  });

  test('that are recycled lose what was in them, and nothing else', async () => {
    const disk = join(cluster.directory, 'recycled');
    const precious = join(cluster.directory, 'beside');
    for (const folder of [disk, precious]) mkdirSync(folder, { mode: 0o777 });
    writeFileSync(join(precious, 'file'), 'kept');
    await cluster.apply(
      `apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: recycled}\nspec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Mi}, storageClassName: again, persistentVolumeReclaimPolicy: Recycle, hostPath: {path: ${disk}}}\n`,
    );
    await cluster.apply(claim('once', ', storageClassName: again'));
    const script = `mkdir -p /data/.a/b; echo x > /data/.a/b/c; ln -s ${precious} /data/link; ${FOREVER}`;
    await cluster.apply(pod('recycler', script, using('once')));
    await ready('recycler');
    await until('the pod wrote', async () => readdirSync(disk).length === 2);
    await deletePod('recycler');
    await cluster.kubectl('delete', 'pvc', 'once', '--timeout=60s');
    await cluster.kubectl('wait', '--for=jsonpath={.status.phase}=Available', 'pv/recycled', '--timeout=60s');
    assert.deepEqual(readdirSync(disk), []);
    assert.equal(readFileSync(join(precious, 'file'), 'utf8'), 'kept');
    assert.match(await cluster.kubectl('describe', 'pv', 'recycled'), /Normal +VolumeRecycled .* Volume recycled/);
    await cluster.kubectl('delete', 'pv', 'recycled');
  });

  testUnless(loopMissing(), 'that are block devices are given to containers as such', async () => {
    const image = join(cluster.directory, 'device.img');
    writeFileSync(image, Buffer.alloc(1 << 20));
    const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
    try {
      const [node] = (await cluster.json('get', 'nodes')).items;
      const hostname = node.metadata.labels['kubernetes.io/hostname'];
      const affinity = `nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [${hostname}]}]}]}}`;
      await cluster.apply(
        `apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: raw}\nspec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Mi}, storageClassName: raw, volumeMode: Block, local: {path: ${device}}, ${affinity}}\n`,
      );
      await cluster.apply(claim('raw', ', storageClassName: raw, volumeMode: Block'));
      const raw = (name: string, script: string, more = '') =>
        pod(name, script, `persistentVolumeClaim: {claimName: raw${more}}`).replace(
          'volumeMounts: [{name: data, mountPath: /data}]',
          'volumeDevices: [{name: data, devicePath: /dev/xvda}]',
        );
      await cluster.apply(raw('rawer', `echo written | dd of=/dev/xvda conv=fsync; ${FOREVER}`));
      await ready('rawer');
      await until('the device has it', async () => {
        const read = execFileSync('dd', [`if=${device}`, 'bs=512', 'count=1', 'iflag=direct'], { stdio: 'pipe' });
        return read.toString('utf8').startsWith('written\n');
      });
      await deletePod('rawer');
      await cluster.apply(raw('raw-reader', FOREVER, ', readOnly: true'));
      await ready('raw-reader');
      assert.equal(await inPod('raw-reader', 'head -n 1 /dev/xvda'), 'written');
      assert.match(await inPod('raw-reader', 'echo x > /dev/xvda 2>&1 || echo refused'), /refused$/);
      await deletePod('raw-reader');
      await cluster.kubectl('delete', 'pvc', 'raw', '--timeout=60s');
      await cluster.kubectl('delete', 'pv', 'raw', '--timeout=60s');
    } finally {
      execFileSync('losetup', ['--detach', device]);
    }
  });
});

function loopMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/loop-control')) return 'needs loop devices';
  return spawnSync('losetup', ['--find']).status === 0 ? undefined : 'needs losetup and a free loop device';
}
