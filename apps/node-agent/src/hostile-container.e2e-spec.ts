import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#client';
import { FileTree } from '#files';
import type { Volume } from '#kinds';
import { BUSYBOX_IMAGE, containerdMissing, describeUnless } from '#testing';
import { cleanUpNode } from './cleanup.js';
import type { Container } from './pod/pod.js';
import { AgentHarness } from './testing/agent-harness.js';

const PODS = { group: '', version: 'v1', resource: 'pods' };
const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' };
const SECRETS = { group: '', version: 'v1', resource: 'secrets' };
const FOREIGN = '11111111-2222-3333-4444-555555555555';
/** How long links are raced; some hundred rounds of the attacker's and as many updates. Milliseconds. */
const RACE = 8000;

const shell = (script: string, rest: Partial<Container> = {}): Container => ({
  name: 'main',
  image: BUSYBOX_IMAGE,
  command: ['sh', '-c', script],
  ...rest,
});

describeUnless(containerdMissing(), 'containers that attack the agent through their files', () => {
  let harness: AgentHarness;
  let directory: string;
  /** What lies on the node beside everything of Berth's. */
  let canary: string;
  let untouched: string;
  let agentFolder: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'berth-hostile-'));
    canary = join(directory, 'canary');
    mkdirSync(join(canary, 'folder', 'd'), { recursive: true });
    for (const [name, mode] of [
      ['file', 0o640],
      ['folder/key', 0o600],
      ['folder/d/key', 0o644],
    ] as const) {
      writeFileSync(join(canary, name), `of ${name}`);
      chmodSync(join(canary, name), mode);
      chownSync(join(canary, name), 1234, 1235);
    }
    untouched = stateOf(canary);
    // The data directory is behind a link, as on nodes with a disk for it.
    mkdirSync(join(directory, 'disk'));
    symlinkSync(join(directory, 'disk'), join(directory, 'data'));
    agentFolder = join(directory, 'disk', 'agent');
    harness = await AgentHarness.start({ dataDir: join(directory, 'data') });
    await putObjects('first');
  });
  afterAll(async () => {
    await harness?.close();
    const left = mountsBelow(directory);
    const tree = new FileTree(directory);
    await tree.unmountBelow(directory);
    await tree.removeContents();
    rmdirSync(directory);
    assert.deepEqual(left, []);
  });

  async function putObjects(value: string): Promise<void> {
    const metadata = { name: 'settings', namespace: 'default' };
    // Enough for a writer to be met while it writes.
    const data = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`key${index || ''}`, value]));
    const secret = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
    for (const [resource, kind, content] of [
      [CONFIG_MAPS, 'ConfigMap', data],
      [SECRETS, 'Secret', secret],
    ] as const) {
      const object = { apiVersion: 'v1', kind, metadata, data: content };
      const known = await harness.client.get(resource, 'default', 'settings').catch(() => undefined);
      if (known) await harness.client.update(resource, 'default', { ...known, ...object, metadata: known.metadata });
      else await harness.client.create(resource, 'default', object);
    }
  }

  const items = [
    { key: 'key', path: 'd/key' },
    { key: 'key1', path: 'key1' },
  ];
  const written: Volume[] = [
    { name: 'config', configMap: { name: 'settings', items } },
    { name: 'secret', secret: { secretName: 'settings', items } },
    { name: 'downward', downwardAPI: { items: [{ path: 'd/key', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    {
      name: 'projected',
      projected: { sources: [{ configMap: { name: 'settings', items } }, { serviceAccountToken: { path: 'token' } }] },
    },
    { name: 'image', image: { reference: BUSYBOX_IMAGE, pullPolicy: 'Never' } },
  ];
  const mounts = written.map(({ name }) => ({ name, mountPath: `/v/${name}` }));

  const gone = async (uid: string, ms = 20_000): Promise<void> => {
    const end = Date.now() + ms;
    while (existsSync(join(agentFolder, 'pods', uid)) || existsSync(join(agentFolder, 'memory', uid))) {
      assert.ok(Date.now() < end, `the folders of ${uid} are still there`);
      await sleep(20);
    }
  };

  test('what the agent writes can be written by no container, of whatever kind', async () => {
    const script = `for d in /v/* /part; do
      { touch $d/x || rm $d/..data || ln -s / $d/link || mkdir $d/..new || echo more >> $d; } 2>/dev/null && echo $d
    done >> /dev/termination-log; cat /part >> /dev/termination-log`;
    const part = { name: 'config', mountPath: '/part', subPath: 'key1' };
    const writer = shell(script, { volumeMounts: [...mounts, part] });
    const pod = await harness.create('writers', {
      restartPolicy: 'OnFailure',
      initContainers: [{ ...writer, name: 'init' }],
      // Fails once: a container that is started anew gets the same.
      containers: [
        shell(`${script}; [ -e /once/was ] || { touch /once/was; exit 1; }; sleep 1000`, {
          volumeMounts: [...writer.volumeMounts!, { name: 'once', mountPath: '/once' }],
        }),
      ],
      volumes: [...written, { name: 'once', emptyDir: {} }],
    });
    const running = await harness.until('writers', ({ status }) => {
      const [main] = status.containerStatuses ?? [];
      return main?.restartCount === 1 && main.state?.running !== undefined;
    });
    const [main, init] = [running.status.containerStatuses![0]!, running.status.initContainerStatuses![0]!];
    assert.equal(init.state?.terminated?.message, 'first');
    assert.equal(main.lastState?.terminated?.message, 'first');
    assert.ok(main.volumeMounts?.every(({ readOnly }) => readOnly === undefined));
    const ephemeral = { ...writer, name: 'late' };
    await harness.client.update(PODS, 'default', {
      ...running,
      spec: { ...running.spec, ephemeralContainers: [ephemeral] },
    });
    const { status } = await harness.until('writers', (candidate) => {
      return candidate.status.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined;
    });
    assert.equal(status.ephemeralContainerStatuses![0]!.state?.terminated?.message, 'first');
    await harness.delete('writers');
    await gone(pod.metadata.uid);
  });

  test('links, pipes and renames in all volumes lead the agent nowhere, while it writes, starts anew and removes', async () => {
    // As volumes were before they were read-only: the attacker reaches those of all pods.
    const up = '../'.repeat(12);
    const script = `C=${canary}
      while :; do
        for v in /agent/pods/victim*/volumes/*configmap/* /agent/pods/victim*/volumes/*downward-api/* /agent/memory/victim*/*/*; do
          case $((n = (n + 1) % 4)) in
            0) rm -rf $v/..data; ln -s ${up}$C $v/..data;;
            1) rm -rf $v/..data; ln -s $C/folder $v/..data;;
            2) for f in $v/..[0-9]*; do [ -h $f ] || { rm -rf $f/d; ln -s ${up}$C/folder $f/d; rm -f $f/key1; mkfifo $f/key1; }; done;;
            3) rm -rf $v/d $v/key1; ln -s $C/folder $v/d; mkfifo $v/key1; mkdir $v/..data_tmp;;
          esac
        done
        for c in /agent/pods/victim*/containers/*/*; do rm -rf $c; if [ $n = 0 ]; then mkfifo $c; else ln -s $C/file $c; fi; done
        for e in /agent/pods/victim*/volumes/*empty-dir/*; do
          mkdir -p $e/a/b; mv $e/a $e/c; ln -s $C $e/a; ln -s $C/folder $e/p; mkfifo $e/q; rm -rf $e/a $e/p; mv $e/c $e/a
        done
      done 2>/dev/null`;
    await harness.create('attacker', {
      containers: [shell(script, { volumeMounts: [{ name: 'agent', mountPath: '/agent' }] })],
      volumes: [{ name: 'agent', hostPath: { path: agentFolder } }],
    });
    await harness.running('attacker');
    const volumes = [...written, { name: 'scratch', emptyDir: {} }, { name: 'memory', emptyDir: { medium: 'Memory' } }];
    const scratch = [
      { name: 'scratch', mountPath: '/scratch' },
      { name: 'memory', mountPath: '/memory' },
    ];
    const part = { name: 'scratch', mountPath: '/part', subPath: 'p/q' };
    const victims = await Promise.all(
      ['victim-a', 'victim-b', 'victim-c'].map((name) =>
        harness.create(name, {
          securityContext: { fsGroup: 1236 },
          containers: [
            shell('sleep 1000', { volumeMounts: [...mounts, ...scratch] }),
            shell('exit 1', { name: 'ends', volumeMounts: [part] }),
          ],
          volumes,
        }),
      ),
    );
    const end = Date.now() + RACE;
    for (let round = 0; Date.now() < end; round++) {
      await putObjects(`round ${round}`);
      await sleep(50);
      for (const worker of harness.agent.parts.registry.workers()) worker.refreshVolumes();
      if (round % 40 === 39) {
        harness.agent.close();
        await harness.startAgent();
      }
    }
    const removed = Promise.all(victims.map(({ metadata }) => harness.delete(metadata.name)));
    await sleep(1000);
    await harness.delete('attacker');
    await removed;
    for (const { metadata } of victims) await gone(metadata.uid);
    assert.equal(stateOf(canary), untouched);
  });

  test("a pipe or a host's file as termination message blocks nobody, and is not removed", async () => {
    const file = join(canary, 'file');
    await harness.create('piped', {
      restartPolicy: 'Never',
      initContainers: [{ ...shell('mkfifo /d/p', { volumeMounts: [{ name: 'd', mountPath: '/d' }] }), name: 'init' }],
      containers: [
        ...Array.from({ length: 5 }, (_, index) =>
          shell('exit 3', {
            name: `pipe${index}`,
            terminationMessagePath: '/x',
            volumeMounts: [{ name: 'd', mountPath: '/x', subPath: 'p' }],
          }),
        ),
        shell('echo mine > /x; exit 3', {
          name: 'file',
          terminationMessagePath: '/x',
          volumeMounts: [{ name: 'file', mountPath: '/x', readOnly: true }],
        }),
      ],
      volumes: [
        { name: 'd', emptyDir: {} },
        { name: 'file', hostPath: { path: file, type: 'File' } },
      ],
    });
    const pod = await harness.until('piped', ({ status }) => status.phase === 'Failed');
    const messages = pod.status.containerStatuses!.map(({ name, state }) => [name, state?.terminated?.message]);
    // What the container wrote to that path: the agent's own file lies over the user's mount.
    assert.deepEqual(messages.at(-1), ['file', 'mine\n']);
    for (const [name, message] of messages.slice(0, -1)) assert.equal(message, undefined, name);
    await harness.delete('piped');
    await gone(pod.metadata.uid);
    assert.equal(stateOf(canary), untouched);
  });

  test('a tree deeper than a path may be long goes with its pod', async () => {
    const script = 'cd /d; for i in $(seq 40); do n=$(printf "%0100d" 1); mkdir $n; cd $n; done; touch end; sleep 1000';
    const pod = await harness.create('deep', {
      securityContext: { runAsUser: 1000 },
      containers: [shell(script, { volumeMounts: [{ name: 'd', mountPath: '/d' }] })],
      volumes: [{ name: 'd', emptyDir: {} }],
    });
    await harness.running('deep');
    const volume = join(agentFolder, 'pods', pod.metadata.uid, 'volumes/kubernetes.io~empty-dir/d');
    const files = new FileTree(agentFolder);
    for (let tries = 0; (await files.usage(volume)).inodes < 42; tries++) {
      assert.ok(tries < 500, 'the tree is not made');
      await sleep(10);
    }
    await harness.delete('deep');
    await gone(pod.metadata.uid);
  });

  test('what somebody mounted in a volume is unmounted, never emptied; one in use keeps the pod until it is let go', async () => {
    const pod = await harness.create('mounted', {
      containers: [shell('sleep 1000', { volumeMounts: [{ name: 'd', mountPath: '/d' }] })],
      volumes: [
        { name: 'd', emptyDir: {} },
        { name: 'used', emptyDir: {} },
        { name: 'secret', secret: { secretName: 'settings' } },
      ],
    });
    await harness.running('mounted');
    const { uid } = pod.metadata;
    const emptyDirs = join(agentFolder, 'pods', uid, 'volumes/kubernetes.io~empty-dir');
    const secret = join(agentFolder, 'memory', uid, 'kubernetes.io~secret/secret');
    const bind = (place: Buffer) => {
      mkdirSync(place, { recursive: true });
      // The shell passes the bytes on: names need not be text.
      const script = `mount --no-canonicalize --bind "$0" "$(printf '%b' "$1")"`;
      const octal = [...place].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('');
      execFileSync('sh', ['-c', script, canary, octal]);
    };
    const inVolume = (name: string | Buffer) => Buffer.concat([Buffer.from(`${emptyDirs}/d/`), Buffer.from(name)]);
    for (const name of ['plain', 'with a blank', 'a\nb', Buffer.from([0x6e, 0xff, 0xfe]), 'twice', 'twice'])
      bind(inVolume(name));
    bind(Buffer.from(join(secret, 'inside')));
    bind(Buffer.from(join(emptyDirs, 'used', 'busy')));
    const held = openSync(join(emptyDirs, 'used', 'busy', 'file'), 'r');
    try {
      await harness.client.delete(PODS, 'default', 'mounted');
      const end = Date.now() + 20_000;
      while (existsSync(join(emptyDirs, 'd')) || existsSync(secret)) {
        assert.ok(Date.now() < end, 'the volumes beside the busy one are still there');
        await sleep(20);
      }
      // Kubelet, too, lets a pod go from the API server only when its volumes are gone.
      assert.ok(await harness.pod('mounted'));
      assert.ok(existsSync(join(emptyDirs, 'used', 'busy', 'file')));
    } finally {
      closeSync(held);
    }
    await gone(uid);
    for (let tries = 0; await harness.pod('mounted'); tries++) {
      assert.ok(tries < 200, 'the pod is still there');
      await sleep(50);
    }
    assert.equal(stateOf(canary), untouched);
  });

  test('a new agent leaves an emptyDir alone that was made ready, and mounts nothing twice', async () => {
    const pod = await harness.create('grouped', {
      securityContext: { fsGroup: 1236 },
      containers: [
        shell('touch /d/f; chmod 600 /d/f; chmod 700 /d; touch /m/f; chmod 600 /m/f; sleep 1000', {
          volumeMounts: [
            { name: 'd', mountPath: '/d' },
            { name: 'm', mountPath: '/m' },
            { name: 's', mountPath: '/s', subPath: 'key1' },
          ],
          readinessProbe: { exec: { command: ['test', '-e', '/m/f'] }, periodSeconds: 1 },
        }),
      ],
      volumes: [
        { name: 'd', emptyDir: {} },
        { name: 'm', emptyDir: { medium: 'Memory' } },
        { name: 's', secret: { secretName: 'settings' } },
      ],
    });
    await harness.until('grouped', ({ status }) => status.containerStatuses?.[0]?.ready);
    const volumes = join(agentFolder, 'pods', pod.metadata.uid, 'volumes/kubernetes.io~empty-dir');
    const before = [stateOf(volumes), mountsBelow(directory)];
    assert.match(before[0] as string, /^\/d 700 0:1236 /m);
    harness.agent.close();
    await harness.startAgent();
    const worker = () => harness.agent.parts.registry.get(pod.metadata.uid);
    for (let tries = 0; worker()?.state.memory.volumes.get('s')?.phase !== 'mounted'; tries++) {
      assert.ok(tries < 500, 'the new agent has not seen to the volumes');
      await sleep(10);
    }
    assert.deepEqual([stateOf(volumes), mountsBelow(directory)], before);
    await harness.delete('grouped');
    await gone(pod.metadata.uid);
  });

  test("another agent's pods on the machine keep their processes and logs, at housekeeping and at cleanup", async () => {
    const cgroups = readdirSync('/sys/fs/cgroup')
      .map((controller) => join('/sys/fs/cgroup', controller, harness.cgroupRoot, 'kubepods'))
      .filter((path) => existsSync(path))
      .map((path) => join(path, 'besteffort', `pod${FOREIGN}`));
    assert.ok(cgroups.length > 0);
    const log = join(harness.options.podLogsDir, `default_foreign_${FOREIGN}`, 'main');
    mkdirSync(log, { recursive: true });
    writeFileSync(join(log, '0.log'), 'theirs');
    const process = spawn('sleep', ['1000'], { stdio: 'ignore' });
    try {
      for (const path of cgroups) {
        mkdirSync(path);
        for (const file of ['cpuset.cpus', 'cpuset.mems'])
          if (existsSync(join(path, file))) writeFileSync(join(path, file), readFileSync(join(path, '..', file)));
        writeFileSync(join(path, 'cgroup.procs'), String(process.pid));
      }
      const orphan = join(agentFolder, 'pods', 'orphan', 'volumes/kubernetes.io~empty-dir/d');
      mkdirSync(orphan, { recursive: true });
      await gone('orphan');
      harness.agent.close();
      await cleanUpNode(harness.options, silentLogger);
      assert.equal(existsSync(agentFolder), false);
      assert.equal(process.exitCode ?? process.signalCode, null);
      assert.equal(readFileSync(join(log, '0.log'), 'utf8'), 'theirs');
      for (const path of cgroups)
        assert.match(readFileSync(join(path, 'cgroup.procs'), 'utf8'), new RegExp(`^${process.pid}$`, 'm'));
    } finally {
      const ended = new Promise((resolve) => process.once('exit', resolve));
      process.kill('SIGKILL');
      await ended;
    }
    assert.equal(stateOf(canary), untouched);
  });
});

/** Everything of a tree that an attack could change: names, kinds, modes, owners, times of change, content. */
function stateOf(root: string): string {
  const lines: string[] = [];
  const visit = (path: string) => {
    const { mode, uid, gid, ctimeMs } = lstatSync(path);
    const kind = (mode >> 12).toString(8);
    const content = kind === '10' ? readFileSync(path, 'utf8') : kind === '12' ? readlinkSync(path) : '';
    lines.push(`${path.slice(root.length)} ${(mode & 0o7777).toString(8)} ${uid}:${gid} ${kind} ${ctimeMs} ${content}`);
    if (kind === '4') for (const name of readdirSync(path).sort()) visit(join(path, name));
  };
  visit(root);
  return lines.join('\n');
}

function mountsBelow(path: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${path}/`));
}
