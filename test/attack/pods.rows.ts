import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt } from './attack.js';
import { Canary, IMAGE, type NodeRow, type NodeStage, pod } from './node-scenery.js';

const area = 'pods';

/** What root in an ordinary container tries on its kernel and its node; each must fail. */
const FORBIDDEN_COMMANDS = [
  'v=$(cat /proc/sys/kernel/core_pattern); echo "$v" > /proc/sys/kernel/core_pattern',
  'echo 1 > /proc/sys/net/ipv4/ip_forward',
  'echo b > /proc/sysrq-trigger',
  'head -c 1 /proc/kcore',
  'mount -t tmpfs none /tmp',
  'mount -o remount,rw /proc',
  'umount /proc/sys',
  'mknod /tmp/disk b 8 0 && head -c 1 /tmp/disk',
  'chroot /proc/1/root/../../.. sh -c "test -e /var/lib/berth"',
  'nsenter -t 1 -m true && test -e /var/lib/berth',
  'unshare -m true',
  'mkdir /sys/fs/cgroup/memory/own',
  'echo 1 > /sys/fs/cgroup/memory/cgroup.procs',
  'echo 1 > /sys/kernel/uevent_helper',
  'ls /sys/firmware/* | grep .',
  'hostname taken',
  'ip link add a type dummy',
  'swapoff -a',
];

const volumes = [
  { name: 'config', configMap: { name: 'config' } },
  { name: 'secret', secret: { secretName: 'secret' } },
  { name: 'downward', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
  {
    name: 'projected',
    projected: { sources: [{ configMap: { name: 'config' } }, { serviceAccountToken: { path: 'token' } }] },
  },
];
const mounts = volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` }));
const subPaths = [
  { name: 'config', mountPath: '/s/config', subPath: 'key' },
  { name: 'secret', mountPath: '/s/secret', subPath: 'key' },
  { name: 'downward', mountPath: '/s/downward', subPath: 'name' },
  { name: 'projected', mountPath: '/s/projected', subPath: 'key' },
];

async function untouched(attempt: Attempt, canary: Canary, before: string, what: string): Promise<void> {
  attempt.check('a pod', what, 'nothing on the host changed', canary.state === before, canary.state);
}

async function stillServes(attempt: Attempt, { node }: NodeStage, after: string): Promise<void> {
  const { text } = await node.exec('plain', 'echo alive', 15);
  attempt.check('administrator', `exec in another pod after ${after}`, 'alive', text.includes('alive'), text);
  await node.apply(pod('probe'));
  const { code, text: said } = await node.kubectl(
    ['wait', '--for=condition=Ready', 'pod/probe', '--timeout=25s'],
    '',
    30,
  );
  attempt.check('administrator', `a new pod after ${after}`, 'Ready', code === 0, said);
  await node.remove('probe');
}

export const podRows: NodeRow[] = [
  {
    area,
    finding: 'root in a container is not root on the node',
    run: async (attempt, { node }) => {
      for (const command of FORBIDDEN_COMMANDS) {
        const { text } = await node.exec(
          'plain',
          `if ( ${command} ) 2>/dev/null >/dev/null; then echo succeeded; else echo failed; fi`,
        );
        attempt.check('a pod', command, 'failed', text.trim().endsWith('failed'), text);
      }
    },
  },
  {
    area,
    finding: 'the folder of the cgroup hierarchies is read-only, too',
    run: async (attempt, { node }) => {
      const { text } = await node.exec('plain', 'mkdir /sys/fs/cgroup/own && echo succeeded || echo failed');
      attempt.check('a pod', 'mkdir /sys/fs/cgroup/own', 'failed', text.trim().endsWith('failed'), text);
    },
  },
  {
    area,
    finding: 'a pod reaches the API, the node server, DNS and the Ingresses of its node, and nothing else',
    run: async (attempt, { node }) => {
      const listening = listeningPorts();
      attempt.check('-', 'ports of the node', '6443 among them', listening.includes(6443), listening);
      const open = new Set([80, 443, 6443, 10250, 10053]);
      const probes = listening
        .map((port) => `nc -w 1 ${node.address} ${port} -e /bin/true 2>/dev/null && echo open ${port}`)
        .join('; ');
      const { text } = await node.exec('plain', probes, 60);
      const reached = [...text.matchAll(/open (\d+)/g)].map(([, port]) => Number(port));
      const wrong = reached.filter((port) => !open.has(port));
      attempt.check('a pod', `ports ${listening.join()}`, `only ${[...open].join()}`, wrong.length === 0, wrong);
      attempt.check('a pod', 'port 6443', 'open', reached.includes(6443), reached);
      const loopback = await node.exec(
        'plain',
        listening.map((port) => `nc -w 1 127.0.0.1 ${port} -e /bin/true 2>/dev/null && echo open ${port}`).join('; '),
        60,
      );
      attempt.check('a pod', 'its own loopback', 'nothing of the node', !loopback.text.includes('open'), loopback.text);
    },
  },
  {
    area,
    finding: "a pod's own token opens neither the API nor the node server",
    run: async (attempt, { node }) => {
      const { text } = await node.exec('plain', 'cat /var/run/secrets/kubernetes.io/serviceaccount/token');
      const identity = { name: 'a pod', headers: { Authorization: `Bearer ${text.trim()}` } };
      attempt.check('a pod', 'its token', 'a token', text.trim().split('.').length === 3, text);
      for (const path of [
        '/api/v1/namespaces/default/secrets',
        '/api/v1/pods',
        '/api/v1/nodes',
        '/api/v1/namespaces/default/pods/plain/exec?command=id',
      ]) {
        const { code } = await node.api.send(identity, { path });
        attempt.check('a pod', `API ${path}`, '403', code === 403, code);
      }
      for (const path of ['/pods', '/exec/default/plain/main?command=id', '/logs/', '/metrics']) {
        const { code } = await node.requester.send(identity, { path });
        attempt.check('a pod', `node ${path}`, '403', code === 403, code);
      }
    },
  },
  {
    area,
    finding: 'volumes that the node writes are read-only in every container',
    run: async (attempt, { node }) => {
      const container = { volumeMounts: [...mounts, ...subPaths] };
      const tries = [
        ...volumes.flatMap(({ name }) => [
          `touch /v/${name}/new`,
          `rm /v/${name}/..data`,
          `mv /v/${name}/..data /v/${name}/moved`,
          `ln -s / /v/${name}/link`,
          `mkdir /v/${name}/..folder`,
          `mount -o remount,rw /v/${name}`,
        ]),
        ...subPaths.flatMap(({ mountPath }) => [`echo x >> ${mountPath}`, `chmod 777 ${mountPath}`]),
      ];
      const script = tries
        .map((command) => `if ( ${command} ) 2>/dev/null; then echo "succeeded: ${command}"; fi`)
        .join('\n');
      const init = {
        name: 'init',
        image: IMAGE,
        command: ['sh', '-c', `{ ${script}\n} > /out/init; true`],
        volumeMounts: [...container.volumeMounts, { name: 'out', mountPath: '/out' }],
      };
      const own = { volumeMounts: [...container.volumeMounts, { name: 'out', mountPath: '/out' }] };
      await node.apply(
        pod('reader', own, { initContainers: [init], volumes: [...volumes, { name: 'out', emptyDir: {} }] }),
      );
      await node.waitReady('reader');
      const inMain = await node.exec('reader', `${script}\necho done`, 60);
      attempt.check(
        'a pod',
        'writes into node-written volumes',
        'all refused',
        inMain.text.trim() === 'done',
        inMain.text,
      );
      const inInit = await node.exec('reader', 'cat /out/init; echo done');
      attempt.check(
        'an init container',
        'writes into node-written volumes',
        'all refused',
        inInit.text.trim() === 'done',
        inInit.text,
      );
      await node.remove('reader');
    },
  },
  {
    area,
    finding: 'a changed link in a ConfigMap volume deletes and writes nothing on the host',
    run: async (attempt, { node }) => {
      const canary = new Canary();
      try {
        const before = canary.state;
        const up = '../'.repeat(16);
        const keys = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'v']));
        const config = (value: string) => ({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'links' },
          data: { ...keys, a: value },
        });
        const items = [...Object.keys(keys), 'a'].map((key) => ({ key, path: key === 'a' ? 'd/owned' : key }));
        await node.apply(config('one'));
        const racing = `while :; do for f in /cm/..20*; do rm -rf "$f/d"; ln -s ${up}${canary.directory.slice(1)} "$f/d"; done; rm -f /cm/..data; ln -s ${up}${canary.directory.slice(1)} /cm/..data; done 2>/dev/null`;
        await node.apply(
          pod(
            'linker',
            { command: ['sh', '-c', racing], volumeMounts: [{ name: 'v', mountPath: '/cm' }] },
            { volumes: [{ name: 'v', configMap: { name: 'links', items } }] },
          ),
        );
        await node.waitReady('linker');
        for (const value of ['two', 'three', 'four']) {
          await node.apply(config(value));
          await sleep(2500);
        }
        await untouched(attempt, canary, before, 'links in a ConfigMap volume');
        await node.remove('linker');
        await sleep(1000);
        await untouched(attempt, canary, before, 'removing that pod');
      } finally {
        canary.remove();
      }
    },
  },
  {
    area,
    finding: 'a pod that asks for a user namespace never runs without one',
    run: async (attempt, { node }) => {
      const unmasked = { securityContext: { procMount: 'Unmasked' } };
      await node.apply(pod('user', {}, { hostUsers: false }), pod('unmasked', unmasked, { hostUsers: false }));
      await sleep(6000);
      for (const name of ['user', 'unmasked']) {
        const { status } = await node.json('get', 'pod', name);
        if (status.phase !== 'Running') {
          attempt.check('a pod', name, 'not Running', true, status);
          continue;
        }
        const { text } = await node.exec(name, 'cat /proc/self/uid_map');
        attempt.check(
          'a pod',
          `${name}: /proc/self/uid_map`,
          'another user of the host',
          !/^\s*0\s+0\s/.test(text),
          text,
        );
      }
      await node.remove('user', 'unmasked');
    },
  },
  {
    area,
    finding: 'a pod that asks for a runtime that is not there does not run in another',
    run: async (attempt, { node }) => {
      await node.apply({
        apiVersion: 'node.k8s.io/v1',
        kind: 'RuntimeClass',
        metadata: { name: 'isolated' },
        handler: 'not-there',
      });
      await sleep(500);
      await node.apply(pod('isolated', {}, { runtimeClassName: 'isolated' }));
      await sleep(5000);
      const { status } = await node.json('get', 'pod', 'isolated');
      attempt.check(
        'a pod',
        'runtimeClassName of a handler that is not there',
        'not Running',
        status.phase !== 'Running',
        status,
      );
      await node.remove('isolated');
    },
  },
  {
    area,
    finding: 'a message file names nothing of the host',
    run: async (attempt, { node }) => {
      const canary = new Canary();
      try {
        const before = canary.state;
        const once = (name: string, container: object, spec: object) =>
          pod(name, { command: ['sh', '-c', 'exit 3'], ...container }, { restartPolicy: 'Never', ...spec });
        await node.apply(
          once(
            'message',
            { terminationMessagePath: '/x', volumeMounts: [{ name: 'f', mountPath: '/x', readOnly: true }] },
            { volumes: [{ name: 'f', hostPath: { path: `${canary.directory}/file`, type: 'File' } }] },
          ),
          once(
            'below',
            {
              terminationMessagePath: '/h/folder/inner',
              volumeMounts: [{ name: 'f', mountPath: '/h', readOnly: true }],
            },
            { volumes: [{ name: 'f', hostPath: { path: canary.directory } }] },
          ),
        );
        await sleep(5000);
        await node.remove('message', 'below');
        await sleep(1000);
        await untouched(attempt, canary, before, 'terminationMessagePath at a hostPath, and deletion');
      } finally {
        canary.remove();
      }
    },
  },
  {
    area,
    finding: 'pipes in place of files hold nothing up',
    run: async (attempt, stage) => {
      const { node } = stage;
      const names = Array.from({ length: 6 }, (_, i) => `pipe${i}`);
      const made = names.map((name) =>
        pod(
          name,
          {
            command: ['sh', '-c', 'exit 3'],
            terminationMessagePath: '/x',
            volumeMounts: [{ name: 'd', mountPath: '/x', subPath: 'p' }],
          },
          {
            restartPolicy: 'Never',
            initContainers: [
              { name: 'i', image: IMAGE, command: ['mkfifo', '/d/p'], volumeMounts: [{ name: 'd', mountPath: '/d' }] },
            ],
            volumes: [{ name: 'd', emptyDir: {} }],
          },
        ),
      );
      await node.apply(...made);
      await sleep(8000);
      await stillServes(attempt, stage, `${names.length} pipes as message files`);
      const phases = [];
      for (const name of names) phases.push((await node.json('get', 'pod', name)).status.phase);
      attempt.check(
        'a pod',
        'a pipe as its message file',
        'Failed, as its container did',
        phases.every((phase) => phase === 'Failed'),
        phases,
      );
      await node.remove(...names);
    },
  },
  {
    area,
    finding: 'a probe that is answered with another protocol fails, and is asked again',
    run: async (attempt, { node }) => {
      const answer = 'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: x\\r\\nConnection: Upgrade\\r\\n\\r\\n';
      const command = ['sh', '-c', `while :; do { printf '${answer}'; sleep 3; } | nc -l -p 8081 >/dev/null; done`];
      const livenessProbe = { httpGet: { path: '/', port: 8081 }, periodSeconds: 1, failureThreshold: 2 };
      await node.apply(pod('switching', { command, livenessProbe }));
      let status: any;
      for (let i = 0; i < 30 && !(status?.containerStatuses?.[0]?.restartCount > 0); i++) {
        await sleep(1000);
        ({ status } = await node.json('get', 'pod', 'switching'));
      }
      const restarts = status.containerStatuses?.[0]?.restartCount ?? 0;
      attempt.check('a pod', '101 to its liveness probe', 'a restart in 30 s', restarts > 0, status);
      await node.remove('switching');
    },
  },
  {
    area,
    finding: 'a pod cannot make its own removal impossible',
    run: async (attempt, stage) => {
      const { node } = stage;
      const deep =
        'n=$(printf %0100d 0); cd /d; i=0; while [ $i -lt 60 ]; do mkdir $n && cd $n || break; i=$((i+1)); done; mkfifo pipe; echo deep';
      await node.apply(
        pod(
          'deep',
          { volumeMounts: [{ name: 'd', mountPath: '/d' }], securityContext: { runAsUser: 1000 } },
          { volumes: [{ name: 'd', emptyDir: {} }], securityContext: { fsGroup: 1000 } },
        ),
      );
      await node.waitReady('deep');
      const { text } = await node.exec('deep', deep);
      attempt.check('a pod', 'a path of 6000 characters', 'made', text.includes('deep'), text);
      const { uid } = (await node.json('get', 'pod', 'deep')).metadata;
      await node.remove('deep');
      const { existsSync } = await import('node:fs');
      const folder = `${node.dataDir}/agent/pods/${uid}`;
      for (let i = 0; i < 40 && existsSync(folder); i++) await sleep(500);
      attempt.check('a pod', 'removal', 'no folder left after 20 s', !existsSync(folder), folder);
      await stillServes(attempt, stage, 'that removal');
    },
  },
];

/** TCP ports of this network namespace that somebody listens on. */
function listeningPorts(): number[] {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1));
  const ports = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === '0A')
    .map(([, local]) => Number.parseInt(local!.split(':')[1]!, 16));
  return [...new Set(ports)].sort((a, b) => a - b);
}
