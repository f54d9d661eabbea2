import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { silentLogger } from '#client';
import { BUSYBOX_IMAGE, containerdMissing, describeUnless } from '#testing';
import { cleanUpNode } from './cleanup.js';
import type { Container } from './pod/pod.js';
import { AgentHarness } from './testing/agent-harness.js';

const PODS = { group: '', version: 'v1', resource: 'pods' };
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' };
const sleepy: Container = { name: 'main', image: BUSYBOX_IMAGE, command: ['sleep', '1000'] };
const shell = (script: string, rest: Partial<Container> = {}): Container => ({
  name: 'main',
  image: BUSYBOX_IMAGE,
  command: ['sh', '-c', script],
  ...rest,
});

describeUnless(containerdMissing(), 'node agent on a real containerd', () => {
  let harness: AgentHarness;
  beforeAll(async () => {
    harness = await AgentHarness.start();
  });
  afterAll(() => harness.close());

  test('a pod runs with its volumes and variables, and nothing of it stays behind', async () => {
    await harness.client.create(CONFIG_MAPS, 'default', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { color: 'blue' },
    });
    const pod = await harness.create('full', {
      containers: [
        {
          ...sleepy,
          env: [
            { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
            { name: 'GREETING', value: 'I am $(COLOR)' },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
          volumeMounts: [
            { name: 'settings', mountPath: '/settings' },
            { name: 'token', mountPath: '/token' },
            { name: 'memory', mountPath: '/memory' },
            { name: 'scratch', mountPath: '/part', subPath: 'a/b' },
          ],
        },
      ],
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
        { name: 'memory', emptyDir: { medium: 'Memory' } },
        { name: 'scratch', emptyDir: {} },
      ],
      hostAliases: [{ ip: '192.0.2.7', hostnames: ['seven'] }],
    });
    const running = await harness.running('full');
    const ready = running.status.conditions?.find((condition) => condition.type === 'Ready');
    assert.deepEqual([ready?.status, ready?.reason, ready?.message], ['True', undefined, undefined]);
    assert.match(await harness.exec('full', 'env'), /GREETING=I am blue/);
    assert.match(await harness.exec('full', 'env'), new RegExp(`IP=${running.status.podIP}`));
    assert.equal(await harness.exec('full', 'cat', '/settings/color'), 'blue');
    assert.equal(await harness.exec('full', 'cat', '/token/token'), 'token-of-default');
    assert.match(await harness.exec('full', 'cat', '/etc/hosts'), /192\.0\.2\.7\tseven/);
    assert.match(await harness.exec('full', 'mount'), /tmpfs on \/memory type tmpfs/);
    assert.equal(await harness.exec('full', 'ls', '/part'), '');

    const map = await harness.client.get(CONFIG_MAPS, 'default', 'settings');
    await harness.client.update(CONFIG_MAPS, 'default', { ...map, data: { color: 'green' } });
    let color = '';
    for (let i = 0; i < 100 && color !== 'green'; i++) color = await harness.exec('full', 'cat', '/settings/color');
    assert.equal(color, 'green');

    await harness.delete('full');
    assert.deepEqual(harness.mounts(), []);
    const pods = readdirSync(`${harness.environment.directory}/data/agent/pods`);
    assert.ok(!pods.includes(pod.metadata.uid));
    assert.deepEqual(harness.reasons('full'), ['Pulled', 'Created', 'Started', 'Killing']);
  });

  test('an image is a volume that can only be read, and is let go with its pod', async () => {
    const missing = 'registry.invalid/nothing:1';
    const pod = await harness.create('image', {
      containers: [{ ...sleepy, volumeMounts: [{ name: 'files', mountPath: '/files' }] }],
      volumes: [{ name: 'files', image: { reference: BUSYBOX_IMAGE, pullPolicy: 'Never' } }],
    });
    await harness.running('image');
    assert.match(await harness.exec('image', 'ls', '/files/bin'), /busybox/);
    assert.match(await harness.exec('image', 'mount'), / on \/files type \S+ \(ro,/);
    await harness.delete('image');
    assert.deepEqual(harness.mounts(), []);
    await harness.agent.runtime.closeImageViews(pod.metadata.uid);

    await harness.create('no-image', {
      containers: [{ ...sleepy, volumeMounts: [{ name: 'files', mountPath: '/files' }] }],
      volumes: [{ name: 'files', image: { reference: missing, pullPolicy: 'Never' } }],
    });
    await harness.until('no-image', ({ status }) => {
      return status.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImageNeverPull';
    });
    await harness.delete('no-image');
  });

  test('a running container is given more and less CPU and memory', async () => {
    const resources = (cpu: string, memory: string) => ({ limits: { cpu, memory }, requests: { cpu: '10m', memory } });
    await harness.create('resized', { containers: [{ ...sleepy, resources: resources('100m', '32Mi') }] });
    await harness.running('resized');
    const resize = async (cpu: string, memory: string, ms: number) => {
      const pod = (await harness.pod('resized'))!;
      const containers = [{ ...pod.spec.containers[0]!, resources: resources(cpu, memory) }];
      await harness.client.update(PODS, 'default', { ...pod, spec: { ...pod.spec, containers } });
      const { status } = await harness.until('resized', (candidate) => {
        const [entry] = candidate.status.containerStatuses ?? [];
        const busy = candidate.status.conditions?.some(({ type }) => type.startsWith('PodResize'));
        return !busy && entry?.resources?.limits?.['cpu'] === cpu && entry.resources.limits['memory'] === memory;
      });
      assert.equal(status.containerStatuses?.[0]?.restartCount, 0);
      const quota = 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null';
      assert.equal(Number.parseInt(await harness.exec('resized', 'sh', '-c', quota), 10), ms * 100);
    };
    await resize('300m', '64Mi', 300);
    await resize('50m', '16Mi', 50);
    assert.deepEqual(
      harness.reasons('resized').filter((reason) => reason.startsWith('Resize')),
      ['ResizeStarted', 'ResizeCompleted', 'ResizeStarted', 'ResizeCompleted'],
    );
    await harness.delete('resized');
  });

  test('a container that crashes is restarted, then waits with CrashLoopBackOff and says how it ended', async () => {
    await harness.create('crash', { containers: [shell('echo last words > /dev/termination-log; exit 3')] });
    const pod = await harness.until('crash', (candidate) => {
      const status = candidate.status.containerStatuses?.[0];
      return status?.restartCount === 1 && status.state?.waiting?.reason === 'CrashLoopBackOff';
    });
    const [status] = pod.status.containerStatuses!;
    assert.equal(status!.lastState?.terminated?.exitCode, 3);
    assert.equal(status!.lastState?.terminated?.message, 'last words\n');
    assert.match(
      status!.state!.waiting!.message!,
      /^back-off 10s restarting failed container=main pod=crash_default\(/,
    );
    assert.equal(pod.status.phase, 'Running');
    assert.ok(harness.reasons('crash').includes('BackOff'));
    await harness.delete('crash');
  });

  test('init containers run in order, a sidecar stays, and the pod succeeds when its main container has', async () => {
    const step = (name: string, script: string, rest: Partial<Container> = {}): Container => ({
      ...shell(script, rest),
      name,
      volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
    });
    await harness.create('ordered', {
      restartPolicy: 'Never',
      initContainers: [
        step('one', 'echo one >> /scratch/log'),
        step('side', 'echo side >> /scratch/log; sleep 1000', { restartPolicy: 'Always' }),
        step('two', 'while ! grep -q side /scratch/log; do sleep 0.05; done; echo two >> /scratch/log'),
      ],
      containers: [step('main', 'cat /scratch/log > /dev/termination-log')],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    });
    const pod = await harness.until('ordered', (candidate) => candidate.status.phase === 'Succeeded');
    assert.equal(pod.status.containerStatuses![0]!.state?.terminated?.message, 'one\nside\ntwo\n');
    assert.ok(pod.status.initContainerStatuses![1]!.state?.terminated);
    await harness.delete('ordered');
  });

  test('a failing liveness probe restarts its container, a readiness probe only unreadies it', async () => {
    await harness.create('probed', {
      containers: [
        shell('touch /tmp/ready; sleep 1000', {
          livenessProbe: { exec: { command: ['test', '!', '-e', '/tmp/sick'] }, periodSeconds: 1, failureThreshold: 1 },
          readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 },
        }),
      ],
    });
    const ready = (wanted: 'True' | 'False') =>
      harness.until('probed', ({ status }) => {
        return status.conditions?.find((condition) => condition.type === 'Ready')?.status === wanted;
      });
    await ready('True');
    await harness.exec('probed', 'rm', '/tmp/ready');
    await ready('False');
    assert.equal((await harness.pod('probed'))!.status.containerStatuses![0]!.restartCount, 0);
    await harness.exec('probed', 'touch', '/tmp/sick');
    await harness.until('probed', ({ status }) => status.containerStatuses?.[0]?.restartCount === 1);
    const killing = harness.events.find((event) => event.name === 'probed' && event.reason === 'Killing');
    assert.equal(killing?.message, 'Container main failed liveness probe, will be restarted');
    assert.ok(harness.reasons('probed').includes('Unhealthy'));
    await harness.delete('probed');
  });

  test('a container beyond its memory limit is OOMKilled', async () => {
    await harness.create('greedy', {
      restartPolicy: 'Never',
      containers: [shell('tail /dev/zero', { resources: { limits: { memory: '16Mi', cpu: '500m' } } })],
    });
    const pod = await harness.until('greedy', (candidate) => candidate.status.phase === 'Failed');
    const { terminated } = pod.status.containerStatuses![0]!.state!;
    assert.equal(terminated?.reason, 'OOMKilled');
    assert.equal(terminated?.exitCode, 137);
    await harness.delete('greedy');
  });

  test('what is missing or wrong is told in the waiting state', async () => {
    const cases: [string, Partial<Container>, string, RegExp][] = [
      [
        'never',
        { image: 'berth.local/none:1', imagePullPolicy: 'Never' },
        'ErrImageNeverPull',
        /is not present with pull policy of Never/,
      ],
      ['name', { image: 'Not A Name' }, 'InvalidImageName', /couldn't parse image name/],
      [
        'pull',
        { image: '127.0.0.1:1/none:1' },
        'ErrImagePull',
        /failed to (pull|resolve|do request)|connection refused/,
      ],
      [
        'key',
        { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'none', key: 'a' } } }] },
        'CreateContainerConfigError',
        /^secret "none" not found$/,
      ],
      ['root', { securityContext: { runAsNonRoot: true } }, 'CreateContainerConfigError', /image will run as root/],
      ['command', { command: ['/none'] }, 'RunContainerError', /no such file or directory/],
    ];
    await Promise.all(
      cases.map(async ([name, container, reason, message]) => {
        await harness.create(`bad-${name}`, { containers: [{ ...sleepy, ...container }] });
        const pod = await harness.until(`bad-${name}`, ({ status }) => {
          return status.containerStatuses?.[0]?.state?.waiting?.reason === reason;
        });
        assert.match(pod.status.containerStatuses![0]!.state!.waiting!.message!, message);
        // A start that the runtime began counts as a run that ended.
        assert.equal(pod.status.phase, name === 'command' ? 'Running' : 'Pending');
      }),
    );
    await harness.until('bad-pull', ({ status }) => {
      return status.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff';
    });
    await Promise.all(cases.map(([name]) => harness.delete(`bad-${name}`)));
  });

  test('hooks run, and a pod gets its grace', async () => {
    const container = shell('trap "sleep 0.3; exit 0" TERM; sleep 1000 & wait', {
      lifecycle: {
        postStart: { exec: { command: ['touch', '/tmp/started'] } },
        preStop: { exec: { command: ['sh', '-c', 'echo stopping > /dev/termination-log'] } },
      },
    });
    await harness.create('hooked', { containers: [container], terminationGracePeriodSeconds: 10 });
    await harness.running('hooked');
    assert.equal(await harness.exec('hooked', 'ls', '/tmp'), 'started\n');
    const begin = Date.now();
    await harness.delete('hooked');
    assert.ok(Date.now() - begin < 5000);
    const last = harness.client.statuses.get('hooked')!.at(-1);
    assert.equal(last.containerStatuses[0].state?.terminated.exitCode, 0);
    assert.equal(last.containerStatuses[0].state?.terminated.message, 'stopping\n');
    assert.equal(last.phase, 'Succeeded');
  });

  test('a pod beyond its deadline fails', async () => {
    await harness.create('late', { containers: [sleepy], activeDeadlineSeconds: 1 });
    const pod = await harness.until('late', (candidate) => candidate.status.phase === 'Failed');
    assert.equal(pod.status.reason, 'DeadlineExceeded');
    await harness.delete('late');
  });

  test('a new agent adopts what runs and ends what was deleted meanwhile', async () => {
    await harness.create('kept', { containers: [sleepy] });
    await harness.create('dropped', { containers: [sleepy] });
    const before = await harness.running('kept');
    await harness.running('dropped');
    harness.agent.close();
    await harness.client.delete({ group: '', version: 'v1', resource: 'pods' }, 'default', 'dropped', {
      gracePeriodSeconds: 0,
    });
    await harness.startAgent();
    for (let i = 0; i < 1000 && [...harness.agent.parts.observer.pods()].length > 1; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(
      [...harness.agent.parts.observer.pods()].map(({ name }) => name),
      ['kept'],
    );
    const after = (await harness.pod('kept'))!;
    assert.equal(after.status.containerStatuses![0]!.containerID, before.status.containerStatuses![0]!.containerID);
    assert.equal(after.status.containerStatuses![0]!.restartCount, 0);
    await harness.delete('kept');
  });

  test('a container that was made and not started, since the runtime broke off, is made anew', async () => {
    const { runtime } = harness.agent;
    const start = runtime.startContainer;
    runtime.startContainer = async () => {
      runtime.startContainer = start;
      throw new Error('transport error');
    };
    await harness.create('unstarted', { containers: [sleepy] });
    await harness.until('unstarted', ({ status }) => {
      return status.containerStatuses?.[0]?.state?.waiting?.reason === 'RunContainerError';
    });
    const pod = await harness.running('unstarted');
    assert.equal(pod.status.containerStatuses![0]!.restartCount, 0);
    await harness.delete('unstarted');
  });

  test('a sandbox that dies is made anew with its containers', async () => {
    await harness.create('reborn', { containers: [sleepy] });
    const before = await harness.running('reborn');
    const [observed] = [...harness.agent.parts.observer.pods()].filter(({ name }) => name === 'reborn');
    await harness.agent.runtime.stopPodSandbox(observed!.sandboxes[0]!.id);
    const pod = await harness.until('reborn', ({ status }) => {
      return (
        (status.containerStatuses?.[0]?.restartCount ?? 0) >= 1 &&
        status.containerStatuses?.[0]?.state?.running !== undefined
      );
    });
    assert.notEqual(pod.status.podIP, undefined);
    assert.notEqual(pod.status.containerStatuses![0]!.containerID, before.status.containerStatuses![0]!.containerID);
    assert.ok(harness.reasons('reborn').includes('SandboxChanged'));
    await harness.delete('reborn');
  });

  test('containerd may be killed and started again: what runs stays, and what comes then runs as well', async () => {
    await harness.create('steady', { containers: [sleepy] });
    const before = await harness.running('steady');
    await harness.environment.kill('SIGKILL');
    await harness.create('patient', { containers: [sleepy] });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await harness.environment.startProcess();
    await harness.running('patient');
    const after = (await harness.pod('steady'))!;
    assert.equal(after.status.containerStatuses![0]!.containerID, before.status.containerStatuses![0]!.containerID);
    assert.equal(after.status.containerStatuses![0]!.restartCount, 0);
    await harness.delete('steady');
    await harness.delete('patient');
  });

  test('dead containers leave neither logs nor messages once they are removed', async () => {
    await harness.create('loop', {
      containers: [shell('exit 0')],
      initContainers: [{ ...shell('exit 0'), name: 'first' }],
    });
    const pod = await harness.until('loop', ({ status }) => status.containerStatuses?.[0]?.restartCount === 1);
    const { uid } = pod.metadata;
    const logs = `${harness.options.podLogsDir}/default_loop_${uid}/main`;
    for (let i = 0; i < 100 && readdirSync(logs).length > 2; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(readdirSync(logs).length <= 2);
    await harness.delete('loop');
    assert.deepEqual(
      readdirSync(harness.options.podLogsDir).filter((name) => name.includes(uid)),
      [],
    );
  });

  test('cleanup takes everything of the agent off the node', async () => {
    await harness.create('last', {
      containers: [{ ...sleepy, volumeMounts: [{ name: 'memory', mountPath: '/memory' }] }],
      volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }],
    });
    await harness.running('last');
    harness.agent.close();
    await cleanUpNode(harness.options, silentLogger);
    assert.deepEqual(await harness.agent.runtime.listSandboxes(), []);
    assert.deepEqual(harness.mounts(), []);
    assert.equal(existsSync(`${harness.environment.directory}/data/agent`), false);
    assert.equal(existsSync(harness.options.podLogsDir), false);
    const left = readdirSync('/sys/fs/cgroup').filter((name) =>
      existsSync(`/sys/fs/cgroup/${name}/${harness.cgroupRoot}`),
    );
    assert.deepEqual(left, []);
  });
});
