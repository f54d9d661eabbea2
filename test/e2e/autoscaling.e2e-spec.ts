import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';

const IMAGE = 'berth.local/web:1';

/** Pods that use as much CPU as they get while a file on the machine says so. */
const workload = (load: string) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  replicas: 1
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: worker
        image: ${IMAGE}
        command: [sh, -c, "while :; do if [ ! -e /load/on ]; then sleep 0.2; fi; done"]
        resources: {requests: {cpu: 100m}, limits: {cpu: 200m}}
        volumeMounts: [{name: load, mountPath: /load}]
      volumes: [{name: load, hostPath: {path: ${load}, type: Directory}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: busy}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: busy}
  minReplicas: 1
  maxReplicas: 2
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: busy}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: busy}}
`;

describeUnless(clusterMissing(), 'load, usage and disruption', () => {
  let cluster: Cluster;
  let load: string;

  beforeAll(async () => {
    cluster = new Cluster('load');
    load = join(cluster.directory, 'load');
    mkdirSync(load, { mode: 0o755 });
    await cluster.up();
    await cluster.importImage(IMAGE, 'page');
    writeFileSync(join(load, 'on'), '');
    await cluster.apply(workload(load));
    await cluster.kubectl('rollout', 'status', 'deployment/busy', '--timeout=40s');
  });
  afterAll(async () => {
    await cluster?.close();
  });

  const replicas = async () => (await cluster.json('get', 'deployment', 'busy')).spec.replicas as number;

  test('kubectl top shows what the node and the containers use', async () => {
    const rows = await until('the usage of the pod', async () => {
      const { code, stdout } = await cluster.run([
        ...['kubectl', `--kubeconfig=${cluster.kubeconfig}`],
        ...['top', 'pods', '--containers', '--no-headers', '-l', 'app=busy'],
      ]);
      const found = stdout.trim().split(/\s+/);
      return code === 0 && found.length === 4 && found;
    });
    assert.match(rows[0]!, /^busy-/);
    assert.equal(rows[1], 'worker');
    assert.ok(Number.parseInt(rows[2]!, 10) > 100, rows.join(' '));
    assert.match(rows[3]!, /^\d+Mi$/);
    const nodes = await cluster.kubectl('top', 'nodes', '--no-headers');
    assert.match(nodes, new RegExp(`^${cluster.nodeName}\\s+\\d+m\\s+\\d+%\\s+\\d+Mi\\s+\\d+%`));
  });

  test('a real load scales out, and its end scales in', async () => {
    await until('two replicas', async () => (await replicas()) === 2, 75);
    const budget = await until('a budget that counts both', async () => {
      const { status } = await cluster.json('get', 'pdb', 'busy');
      return status.currentHealthy === 2 && status;
    });
    assert.deepEqual([budget.desiredHealthy, budget.disruptionsAllowed, budget.expectedPods], [1, 1, 2]);
    rmSync(join(load, 'on'));
    await until('one replica', async () => (await replicas()) === 1, 75);
    const events = await cluster.kubectl(
      'get',
      'events',
      '--field-selector',
      'reason=SuccessfulRescale',
      '--no-headers',
    );
    assert.match(events, /New size: 2; reason: cpu resource utilization \(percentage of request\) above target/);
    assert.match(events, /New size: 1; reason: All metrics below target/);
  });

  test('kubectl drain waits for the budget, and ends without it', async () => {
    const drain = (...more: string[]) =>
      cluster.run([
        ...['kubectl', `--kubeconfig=${cluster.kubeconfig}`],
        ...['drain', cluster.nodeName, '--ignore-daemonsets', '--delete-emptydir-data', ...more],
      ]);
    const refused = await drain('--timeout=4s');
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /Cannot evict pod as it would violate the pod's disruption budget/);
    await cluster.kubectl('delete', 'pdb', 'busy');
    const drained = await drain('--timeout=60s');
    assert.equal(drained.code, 0, drained.stderr);
    assert.match(drained.stdout, /drained/);
    await cluster.kubectl('uncordon', cluster.nodeName);
  });
});
