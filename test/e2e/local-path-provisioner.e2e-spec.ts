import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';

/** Rancher's program, linked statically, and its manifest: docs/storage.md says how to make the folder. */
const UPSTREAM = join(
  process.env['CONFORMANCE_HOME'] ?? join(homedir(), '.cache', 'conformance'),
  'local-path-provisioner',
);
const PROGRAM = join(UPSTREAM, 'local-path-provisioner');
const MANIFEST = join(UPSTREAM, 'local-path-storage.yaml');
const IMAGE = 'docker.io/library/busybox:latest';

const CLAIM = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: local-path, resources: {requests: {storage: 1Mi}}}
`;
const pod = (name: string, script: string) => `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: ${IMAGE}
    imagePullPolicy: IfNotPresent
    command: [sh, -c, ${JSON.stringify(`${script}; while :; do sleep 1; done`)}]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`;

function missing(): string | undefined {
  const files = [PROGRAM, MANIFEST].filter((file) => !existsSync(file));
  return clusterMissing() ?? (files.length > 0 ? `missing: ${files.join(', ')}` : undefined);
}

describeUnless(missing(), "Rancher's local-path-provisioner, applied instead of local-storage", () => {
  let cluster: Cluster;
  let folder: string;

  beforeAll(async () => {
    cluster = new Cluster('rancher');
    folder = join(cluster.directory, 'volumes');
    await cluster.up('--disable=local-storage');
    const manifest = readFileSync(MANIFEST, 'utf8').replaceAll('/opt/local-path-provisioner', folder);
    const reference = /image: (?:docker\.io\/)?(rancher\/local-path-provisioner:\S+)/.exec(manifest)?.[1];
    assert.ok(reference, 'the manifest names its image');
    await cluster.importImage(IMAGE, 'page');
    const program = { path: 'bin/local-path-provisioner', mode: 0o755, content: readFileSync(PROGRAM) };
    await cluster.importImage(`docker.io/${reference}`, 'page', [program]);
    assert.deepEqual((await cluster.json('get', 'storageclasses')).items, []);
    await cluster.apply(manifest);
    const deployment = ['deployment/local-path-provisioner', '--namespace=local-path-storage'];
    await cluster.kubectl('rollout', 'status', ...deployment, '--timeout=120s');
  });
  afterAll(() => cluster?.close());

  const ready = (name: string) => cluster.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=120s');

  test('gives a claim a volume by its own helper pods', async () => {
    await cluster.apply(`${CLAIM}---\n${pod('writer', 'echo kept > /data/file')}`);
    await ready('writer');
    const { spec } = await cluster.json('get', 'pvc', 'data');
    const volume = await cluster.json('get', 'pv', spec.volumeName);
    assert.equal(volume.metadata.annotations['pv.kubernetes.io/provisioned-by'], 'rancher.io/local-path');
    assert.deepEqual(readdirSync(folder), [`${spec.volumeName}_default_data`]);
    assert.equal(volume.spec.hostPath.path, join(folder, `${spec.volumeName}_default_data`));
    const events = await cluster.kubectl('events', '--for=pvc/data');
    assert.match(events, /ProvisioningSucceeded/);
  });

  test('keeps what pods wrote', async () => {
    await cluster.kubectl('delete', 'pod', 'writer', '--timeout=60s');
    await cluster.apply(pod('reader', 'cat /data/file'));
    await ready('reader');
    assert.equal(await cluster.kubectl('logs', 'reader'), 'kept\n');
  });

  test('deletes the volume with its claim', async () => {
    await cluster.kubectl('delete', 'pod', 'reader', '--timeout=60s');
    await cluster.kubectl('delete', 'pvc', 'data', '--timeout=60s');
    await until('the volume goes', async () => (await cluster.json('get', 'pv')).items.length === 0);
    assert.deepEqual(readdirSync(folder), []);
    const pods = () => cluster.json('get', 'pods', '--namespace=local-path-storage');
    await until('the helper pods go', async () => (await pods()).items.length === 1);
  });
});
