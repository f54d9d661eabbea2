import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';

const IMAGE = 'berth.local/web:1';

const container = (script: string, more = '') =>
  `{name: c, image: ${IMAGE}, command: [sh, -c, ${JSON.stringify(script)}]${more && `, ${more}`}}`;
const pod = (name: string, containers: string, more = '') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {app: ${name}}, annotations: {note: hello}}\nspec: {terminationGracePeriodSeconds: 1, containers: [${containers}]${more && `, ${more}`}}\n`;
const FOREVER = 'while :; do sleep 1; done';
const field = (name: string, path: string) =>
  `{name: ${name}, valueFrom: {fieldRef: {fieldPath: ${JSON.stringify(path)}}}}`;
const VARIABLES = `envFrom: [{prefix: CM_, configMapRef: {name: settings}}, {secretRef: {name: keys}}, {configMapRef: {name: absent, optional: true}}], env: [${[
  '{name: PLAIN, value: plain}',
  '{name: FROM_KEY, valueFrom: {configMapKeyRef: {name: settings, key: level}}}',
  '{name: FROM_SECRET, valueFrom: {secretKeyRef: {name: keys, key: a}}}',
  '{name: ABSENT, valueFrom: {secretKeyRef: {name: keys, key: z, optional: true}}}',
  '{name: COMPOSED, value: "$(PLAIN) and $(FROM_SECRET), but $(NOTHING) and $$(PLAIN)"}',
  '{name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}',
  field('NAME', 'metadata.name'),
  field('UID', 'metadata.uid'),
  field('LABEL', "metadata.labels['app']"),
  field('NOTE', "metadata.annotations['note']"),
  field('NODE', 'spec.nodeName'),
  field('ACCOUNT', 'spec.serviceAccountName'),
  field('HOST_IP', 'status.hostIP'),
  field('POD_IP', 'status.podIP'),
].join(', ')}]`;

describeUnless(clusterMissing(), 'pods as kubectl shows them', () => {
  let cluster: Cluster;
  let shared: string;

  const state = async (name: string) => (await cluster.json('get', 'pod', name)).status;
  const inPod = async (name: string, script: string) => cluster.kubectl('exec', name, '--', 'sh', '-c', script);
  /** Waits until the STATUS column of `kubectl get pods` says so. */
  const shows = (name: string, status: RegExp, seconds = 40) =>
    until(
      `${name} shows ${status}`,
      async () => status.test((await cluster.kubectl('get', 'pod', name, '--no-headers')).split(/\s+/)[2]!),
      seconds,
    );
  const ready = (name: string) => cluster.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=40s');

  beforeAll(async () => {
    cluster = new Cluster('pods');
    shared = join(cluster.directory, 'shared');
    mkdirSync(shared, { mode: 0o777 });
    await cluster.up();
    await cluster.importImage(IMAGE, 'page');
    const volumes = [
      '{name: memory, emptyDir: {medium: Memory, sizeLimit: 8Mi}}',
      `{name: host, hostPath: {path: ${shared}, type: Directory}}`,
      '{name: settings, configMap: {name: settings}}',
      '{name: about, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: cpu, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}]}}',
      '{name: token, projected: {sources: [{serviceAccountToken: {path: token, audience: vault, expirationSeconds: 600}}]}}',
      '{name: secret, secret: {secretName: keys, defaultMode: 256, items: [{key: a, path: deep/a}]}}',
      '{name: all, projected: {sources: [{configMap: {name: settings}}, {secret: {name: keys}}, {downwardAPI: {items: [{path: me, fieldRef: {fieldPath: metadata.name}}]}}]}}',
    ];
    const mounts = volumes
      .map((text) => /name: (\w+)/.exec(text)![1])
      .map((name) => `{name: ${name}, mountPath: /v/${name}}`);
    const hooks =
      'lifecycle: {postStart: {exec: {command: [sh, -c, "echo postStart >> /v/host/order"]}}, preStop: {exec: {command: [sh, -c, "sleep 1; echo preStop >> /v/host/order"]}}}';
    await cluster.apply(
      [
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {level: low}\n',
        'apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {a: alpha, b: beta}\n',
        pod('variables', container(`env > /tmp/env; ${FOREVER}`, `resources: {limits: {memory: 32Mi}}, ${VARIABLES}`)),
        pod(
          'served',
          container(
            'mkdir /tmp/www; echo yes > /tmp/www/alive.html; exec httpd -f -p 8080 -h /tmp/www',
            [
              'ports: [{name: web, containerPort: 8080}]',
              'startupProbe: {tcpSocket: {port: web}, periodSeconds: 1, failureThreshold: 30}',
              'readinessProbe: {httpGet: {path: /ready.html, port: web}, periodSeconds: 3, failureThreshold: 1}',
              'livenessProbe: {httpGet: {path: /alive.html, port: 8080}, periodSeconds: 1, failureThreshold: 1}',
            ].join(', '),
          ),
        ),
        pod('talking', container('i=0; while :; do i=$((i+1)); echo "line $i"; sleep 1; done')),
        pod(
          'whole',
          container(
            `trap 'echo TERM >> /v/host/order; exit 0' TERM; echo ready for orders; ${FOREVER}`,
            `volumeMounts: [${mounts.join(', ')}], resources: {limits: {cpu: 250m, memory: 64Mi}}, ${hooks}`,
          ),
          `volumes: [${volumes.join(', ')}]`,
        ).replace('terminationGracePeriodSeconds: 1', 'terminationGracePeriodSeconds: 20'),
        pod('greedy', container('tail /dev/zero', 'resources: {limits: {memory: 24Mi}}'), 'restartPolicy: Never'),
        pod('crashing', container('echo said before the end; exit 3')),
        pod('never-pulled', `{name: c, image: berth.local/absent:1, imagePullPolicy: Never}`),
        pod('not-found', `{name: c, image: '127.0.0.1:1/absent:1'}`),
        pod(
          'unconfigured',
          container(FOREVER, 'env: [{name: A, valueFrom: {configMapKeyRef: {name: absent, key: a}}}]'),
        ),
        pod(
          'ordered',
          container('echo main >> /order/log; cat /order/log', 'volumeMounts: [{name: order, mountPath: /order}]'),
          `restartPolicy: Never, volumes: [{name: order, emptyDir: {}}], initContainers: [${['one', 'two']
            .map(
              (name) =>
                `{name: ${name}, image: ${IMAGE}, command: [sh, -c, "echo ${name} >> /order/log; sleep 1"], volumeMounts: [{name: order, mountPath: /order}]}`,
            )
            .join(', ')}]`,
        ),
        pod(
          'probed',
          container(
            `touch /tmp/alive; sleep 2; touch /tmp/started; sleep 2; touch /tmp/ready; ${FOREVER}`,
            [
              'startupProbe: {exec: {command: [test, -e, /tmp/started]}, periodSeconds: 1, failureThreshold: 30}',
              'readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}',
              'livenessProbe: {exec: {command: [test, -e, /tmp/alive]}, periodSeconds: 1, failureThreshold: 2}',
            ].join(', '),
          ),
        ),
        pod('typed', container('while read line; do echo "heard $line"; done', 'stdin: true')),
      ].join('---\n'),
    );
  });
  afterAll(() => cluster?.close());

  test('volumes hold what the API says', async () => {
    await ready('whole');
    assert.match(await inPod('whole', 'cat /v/about/labels'), /app="whole"/);
    assert.equal(await inPod('whole', 'cat /v/about/cpu'), '250');
    assert.match(await inPod('whole', 'mount'), /tmpfs on \/v\/memory type tmpfs \([^)]*size=8192k/);
    assert.equal(await inPod('whole', 'cat /v/settings/level'), 'low');
    const claims = JSON.parse(
      Buffer.from((await inPod('whole', 'cat /v/token/token')).split('.')[1]!, 'base64url').toString(),
    );
    assert.deepEqual(claims.aud, ['vault']);
    assert.equal(claims['kubernetes.io'].pod.name, 'whole');
  });

  test('secrets lie in memory, with their mode, and sources are put together', async () => {
    assert.equal(await inPod('whole', 'ls /v/secret; cat /v/secret/deep/a'), 'deep\nalpha');
    assert.equal(await inPod('whole', 'stat -L -c %a /v/secret/deep/a'), '400\n');
    assert.match(await inPod('whole', 'mount'), /tmpfs on \/v\/secret type tmpfs/);
    assert.equal(await inPod('whole', 'cd /v/all; cat level a b me'), 'lowalphabetawhole');
  });

  test('variables come from everywhere that a spec may name', async () => {
    await ready('variables');
    const environment = new Map(
      (await inPod('variables', 'cat /tmp/env'))
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
    );
    const live = await cluster.json('get', 'pod', 'variables');
    const expected = {
      PLAIN: 'plain',
      COMPOSED: 'plain and alpha, but $(NOTHING) and $(PLAIN)',
      FROM_KEY: 'low',
      FROM_SECRET: 'alpha',
      CM_level: 'low',
      b: 'beta',
      NAME: 'variables',
      UID: live.metadata.uid,
      LABEL: 'variables',
      NOTE: 'hello',
      NODE: cluster.nodeName,
      ACCOUNT: 'default',
      HOST_IP: cluster.nodeIp,
      POD_IP: live.status.podIP,
      MEMORY: '32',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, environment.get(key)])), expected);
    assert.equal(environment.has('ABSENT'), false);
  });

  test('a changed ConfigMap reaches the running container', async () => {
    await cluster.kubectl('patch', 'configmap', 'settings', '-p', '{"data":{"level":"high"}}');
    await until('the file changed', async () => (await inPod('whole', 'cat /v/settings/level')) === 'high', 90);
  });

  test('limits are in force in the cgroup', async () => {
    const quota = await inPod(
      'whole',
      'cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us',
    );
    assert.match(quota, /^25000\b/);
    const limit = 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes';
    assert.equal(Number(await inPod('whole', limit)), 64 << 20);
  });

  test('init containers run one after the other before the others', async () => {
    await shows('ordered', /^Completed$/);
    assert.equal(await cluster.kubectl('logs', 'ordered'), 'one\ntwo\nmain\n');
  });

  test('get pods names what is wrong', async () => {
    await shows('greedy', /^OOMKilled$/);
    assert.equal((await state('greedy')).containerStatuses[0].state.terminated.exitCode, 137);
    await shows('never-pulled', /^ErrImageNeverPull$/);
    await shows('not-found', /^(ErrImagePull|ImagePullBackOff)$/);
    await shows('not-found', /^ImagePullBackOff$/);
    await shows('unconfigured', /^CreateContainerConfigError$/);
    await shows('crashing', /^CrashLoopBackOff$/);
    const described = await cluster.kubectl('describe', 'pod', 'unconfigured');
    assert.match(described, /configmap "absent" not found/);
  });

  test('logs --previous shows what the container before said', async () => {
    await until('a restart', async () => (await state('crashing')).containerStatuses[0].restartCount > 0);
    assert.equal(await cluster.kubectl('logs', '--previous', 'crashing'), 'said before the end\n');
    const last = (await state('crashing')).containerStatuses[0].lastState.terminated;
    assert.deepEqual([last.exitCode, last.reason], [3, 'Error']);
  });

  test('probes gate, and a failing liveness probe restarts', async () => {
    await ready('probed');
    const first = (await state('probed')).containerStatuses[0];
    assert.deepEqual([first.started, first.restartCount], [true, 0]);
    await inPod('probed', 'rm /tmp/alive');
    await until('it was restarted', async () => (await state('probed')).containerStatuses[0].restartCount === 1);
    await until('its event', async () =>
      /Liveness probe failed/.test(await cluster.kubectl('describe', 'pod', 'probed')),
    );
    await ready('probed');
  });

  test('probes ask over the network', async () => {
    const status = async () => (await state('served')).containerStatuses[0];
    await until('it has started', async () => (await status()).started === true);
    assert.deepEqual([(await status()).ready, (await status()).restartCount], [false, 0]);
    await inPod('served', 'echo yes > /tmp/www/ready.html');
    await ready('served');
    await inPod('served', 'rm /tmp/www/ready.html');
    await until('it is unready', async () => (await status()).ready === false, 20);
    assert.equal((await status()).restartCount, 0, 'a readiness probe restarts nothing');
    await inPod('served', 'rm /tmp/www/alive.html');
    await until('it was restarted', async () => (await status()).restartCount === 1, 20);
    const described = await cluster.kubectl('describe', 'pod', 'served');
    assert.match(described, /Unhealthy.* Liveness probe failed: HTTP probe failed with statuscode: 404/);
    assert.match(described, /Killing.* Container c failed liveness probe, will be restarted/);
  });

  test('logs are told from where the client says', async () => {
    await ready('talking');
    const logs = async (...options: string[]) =>
      (await cluster.kubectl('logs', 'talking', ...options)).trimEnd().split('\n');
    await until('some lines', async () => (await logs()).length > 6, 20);
    assert.equal((await logs())[0], 'line 1');
    assert.equal((await logs('--tail=2')).length, 2);
    const recent = await logs('--since=3s');
    assert.ok(recent.length >= 1 && recent.length <= 4 && !recent.includes('line 1'), recent.join(', '));
    assert.equal((await logs('--limit-bytes=4'))[0], 'line');
    const [stamp = '', ...rest] = (await logs('--timestamps'))[3]!.split(' ');
    assert.match(stamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)$/);
    assert.equal(rest.join(' '), 'line 4');
    assert.equal((await logs(`--since-time=${stamp}`))[0], 'line 4');
    const other = await cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'logs', 'talking', '-c', 'no']);
    assert.match(other.stderr, /container no is not valid for pod talking/);
    const none = await cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'logs', '-p', 'talking']);
    assert.match(none.stderr, /previous terminated container "c" in pod "talking" not found/);
  });

  test('attach speaks to the process', async () => {
    await ready('typed');
    const child = cluster.spawn(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'attach', '-i', 'typed']);
    let text = '';
    child.stdout!.on('data', (chunk) => {
      text += chunk;
    });
    child.stdin!.write('something\n');
    await until('the answer', async () => text.includes('heard something'), 15);
    child.kill();
  });

  test('an ephemeral container joins a running pod', async () => {
    await cluster.kubectl(
      ...[
        'debug',
        'typed',
        `--image=${IMAGE}`,
        '--image-pull-policy=IfNotPresent',
        '--container=look',
        '--profile=general',
      ],
      ...['--', 'sh', '-c', 'echo looked; sleep 600'],
    );
    await until('it runs', async () => (await state('typed')).ephemeralContainerStatuses?.[0]?.state.running, 30);
    await until('it spoke', async () => (await cluster.kubectl('logs', 'typed', '-c', 'look')).includes('looked'), 10);
  });

  test('hooks and signals come in order', async () => {
    await cluster.kubectl('delete', 'pod', 'whole', '--timeout=40s');
    const order = join(shared, 'order');
    assert.ok(existsSync(order));
    assert.deepEqual(readFileSync(order, 'utf8').trim().split('\n'), ['postStart', 'preStop', 'TERM']);
  });

  test('a file of the node is a pod, which no user can delete', async () => {
    const manifests = join(cluster.dataDir, 'manifests');
    mkdirSync(manifests);
    writeFileSync(join(manifests, 'fixed.yaml'), pod('fixed', container(`echo from a file; ${FOREVER}`)));
    const node = await cluster.json('get', 'node', cluster.nodeName);
    const name = `fixed-${cluster.nodeName}`;
    await until('its copy', async () => (await cluster.kubectl('get', 'pods')).includes(name));
    await ready(name);
    assert.match(await cluster.kubectl('logs', name), /from a file/);
    const { metadata, status } = await cluster.json('get', 'pod', name);
    assert.equal(metadata.ownerReferences[0].uid, node.metadata.uid);
    // Where the name is taken again at once, kubectl's waiting for the end may miss it: it lists, finds nothing, and then sees the new pod.
    await cluster.kubectl('delete', 'pod', name, '--wait=false');
    const uid = ['get', 'pod', name, '--ignore-not-found', '-o=jsonpath={.metadata.uid}'];
    await until('a new copy', async () => !['', metadata.uid].includes(await cluster.kubectl(...uid)));
    await ready(name);
    const again = await cluster.json('get', 'pod', name);
    assert.notEqual(again.metadata.uid, metadata.uid);
    assert.equal(again.status.containerStatuses[0].containerID, status.containerStatuses[0].containerID);
    rmSync(join(manifests, 'fixed.yaml'));
    await until('its end', async () => !(await cluster.kubectl('get', 'pods')).includes(name));
  });

  test('a pod that asks for a port of the node which is taken is refused', async () => {
    const onPort = (name: string) =>
      pod(name, container(FOREVER, 'ports: [{containerPort: 80, hostPort: 31888}]'), `nodeName: ${cluster.nodeName}`);
    await cluster.apply(onPort('port-first'));
    await ready('port-first');
    await cluster.apply(onPort('port-second'));
    await shows('port-second', /^NodePorts$/);
    assert.match(
      (await state('port-second')).message,
      /^Pod was rejected: Predicate NodePorts failed: node\(s\) didn't/,
    );
    await cluster.kubectl('delete', 'pod', 'port-first', 'port-second');
  });

  test('images are listed, and a bad archive is refused in one line', async () => {
    const here = `--data-dir=${cluster.dataDir}`;
    const list = await cluster.ok(cluster.berth('image', 'list', here));
    assert.match(list, /^berth\.local\/web:1$/m);
    const broken = await cluster.run(cluster.berth('image', 'import', here, '/etc/passwd'));
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, /^berth image: \/etc\/passwd: [^\n]+\n$/);
    const absent = await cluster.run(cluster.berth('image', 'import', here, '/nowhere.tar'));
    assert.deepEqual([absent.code, absent.stderr], [1, 'berth image: /nowhere.tar: no such file\n']);
  });
});
