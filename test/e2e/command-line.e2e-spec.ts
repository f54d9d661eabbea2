import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, type Output, until } from './cluster.js';
import { ourProcesses } from './leftovers.js';

/** A command that fails as it should: nothing on standard output, one line on standard error. */
function refused(output: Output, code: number, line: RegExp): void {
  assert.equal(output.code, code, `${output.stdout}\n${output.stderr}`);
  assert.match(output.stderr, line);
  assert.equal(output.stderr.trimEnd().split('\n').length, 1, output.stderr);
}

describeUnless(clusterMissing(), 'berth, given bad input', () => {
  let box: Cluster;
  const mounts: string[] = [];

  beforeAll(() => {
    box = new Cluster('cli');
  });
  afterAll(async () => {
    for (const path of mounts) execFileSync('umount', ['-l', path]);
    await box?.close();
  });

  const berth = (...args: string[]) => box.run(box.berth(args[0]!, ...args.slice(1)));
  const up = (...args: string[]) => berth('up', `--node-ip=${box.nodeIp}`, ...args);
  const folder = (name: string, mode = 0o755) => {
    const path = join(box.directory, name);
    mkdirSync(path);
    chmodSync(path, mode);
    return path;
  };
  const mounted = (name: string, options: string) => {
    const path = folder(name);
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
    mounts.push(path);
    return path;
  };

  const wrong: [args: string[], line: RegExp][] = [
    [['frobnicate'], /^berth: unknown verb frobnicate; see: berth --help$/m],
    [['up', '--colour=red'], /^berth up: Unknown option '--colour'; see: berth up --help$/m],
    [['up', '--secure-port=http'], /--secure-port: must be a port number \(1-65535\): got http/],
    [['up', '--agent-port=0'], /--agent-port: must be a port number \(1-65535\): got 0/],
    [['up', '--cluster-cidr=10.244.0.0'], /--cluster-cidr: must be an IPv4 range .*: got 10\.244\.0\.0/],
    [['up', '--dns-upstream=nowhere'], /--dns-upstream: must be an IP address, .*: got nowhere/],
    [['up', '--cgroup-driver=docker'], /--cgroup-driver: must be one of auto, cgroupfs, systemd: got docker/],
    [['up', '--proxy-mode=ebpf'], /--proxy-mode: must be one of auto, nftables, iptables, ipvs, none: got ebpf/],
    [['up', '--node-name=Not_A_Name'], /--node-name: must be a DNS name: got Not_A_Name/],
    [
      ['up', '--service-node-port-range=many'],
      /--service-node-port-range: invalid port range "many": expected FIRST-LAST within 1-65535/,
    ],
    [['up', '--components=api,blockchain'], /--components: must be one of api, controllers, scheduler: got blockchain/],
    [['up', '--database-url=mysql://x'], /--database-url: must begin with postgres/],
    [['up', '--timeout=soon'], /--timeout: must be a whole number of at least 1: got soon/],
    [['up', '--eviction-hard=disk<5%'], /--eviction-hard: unsupported eviction signal disk/],
    [['up', '--log-level=loud'], /--log-level: must be one of debug, info, warn, error: got loud/],
    [['up', '--config=/no/such/file'], /--config: ENOENT: no such file or directory, open '\/no\/such\/file'/],
    [['up', 'now'], /Unexpected argument 'now'/],
    [['down', '--now'], /Unknown option '--now'/],
    [['apply'], /apply needs -f PATH/],
    [['image'], /image needs a command: import FILE\.\.\., or list/],
    [['image', 'import'], /image needs a command: import FILE\.\.\., or list/],
  ];
  for (const [args, line] of wrong) {
    test(`${args.join(' ')} is a usage error`, async () => refused(await berth(...args), 2, line));
  }

  test('a refused up leaves no data directory', async () => {
    const dir = join(box.directory, 'refused');
    for (const flag of ['--colour=red', '--secure-port=http', '--timeout=soon']) {
      assert.equal((await up(`--data-dir=${dir}`, flag)).code, 2);
      assert.equal(existsSync(dir), false, flag);
    }
  });

  test('a value of the configuration file is named by file and key', async () => {
    const file = join(box.directory, 'berth.yaml');
    const head = 'apiVersion: berth.io/v1alpha1\nkind: ClusterConfiguration\n';
    for (const [line, problem] of [
      ['colour: red', 'colour: unknown key'],
      ['securePort: 70000', 'securePort: must be a port number \\(1-65535\\): got 70000'],
    ] as const) {
      writeFileSync(file, `${head}${line}\n`);
      refused(await up(`--config=${file}`), 2, new RegExp(`^berth up: ${file}: ${problem}; see: `, 'm'));
    }
  });

  test('without a cluster every verb says so', async () => {
    const here = `--data-dir=${join(box.directory, 'nothing')}`;
    const status = await berth('status', here);
    assert.deepEqual([status.code, status.stderr], [3, '']);
    assert.match(status.stdout, /^Berth is down/);
    const down = await berth('down', here);
    assert.equal(down.code, 0);
    assert.match(down.stdout, /^Berth is not running\.$/m);
    const deleted = await berth('delete', here);
    assert.equal(deleted.code, 0);
    assert.match(deleted.stdout, /^Nothing to delete/);
    refused(await berth('kubeconfig', here), 1, /kubeconfig does not exist yet; run: npm run up$/m);
    refused(await berth('image', 'list', here), 1, /no node runs here: .* start it with: npm run up$/m);
    const manifest = join(box.directory, 'nothing.yaml');
    writeFileSync(manifest, 'apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n');
    refused(await berth('apply', here, '-f', manifest), 1, /kubeconfig does not exist yet; run: npm run up$/m);
  });

  test('a port that is taken is named by its flag', async () => {
    const without = ', or serve no Ingresses: --disable ingress';
    const taken: [flag: string, port: number, listener: string, more?: string][] = [
      ['secure-port', 6443, `require('net').createServer().listen(6443, '0.0.0.0')`],
      ['agent-port', 10250, `require('net').createServer().listen(10250, '0.0.0.0')`],
      ['dns-port', 10053, `require('net').createServer().listen(10053, '${box.nodeIp}')`],
      ['ingress-http-port', 80, `require('net').createServer().listen(80, '0.0.0.0')`, without],
      ['dns-port', 10053, `require('dgram').createSocket('udp4').bind(10053, '${box.nodeIp}')`],
    ];
    for (const [flag, port, listener, more = ''] of taken) {
      const child = box.spawn([process.execPath, '-e', listener]);
      try {
        await until(`somebody has port ${port}`, async () =>
          (await box.run(['/bin/busybox', 'netstat', '-lntu'])).stdout.includes(`:${port} `),
        );
        const line = new RegExp(`port ${port} is taken by another program; choose another with --${flag}${more}$`, 'm');
        refused(await up(`--data-dir=${box.dataDir}`), 1, line);
      } finally {
        child.kill();
      }
    }
  });

  test('addresses that this machine does not have are named by their flags', async () => {
    const here = `--data-dir=${box.dataDir}`;
    const otherNode = await box.run(box.berth('up', here, '--node-ip=192.0.2.1'));
    refused(otherNode, 1, /--node-ip: this machine has no address 192\.0\.2\.1$/m);
    refused(
      await up(here, '--bind-address=192.0.2.1'),
      1,
      /--bind-address: this machine has no address 192\.0\.2\.1$/m,
    );
  });

  test('a missing containerd is named, with the way to get it', async () => {
    const path = folder('path');
    for (const dir of ['/usr/bin', '/usr/sbin']) {
      for (const name of readdirSync(dir)) {
        if (name.startsWith('containerd')) continue;
        try {
          symlinkSync(join(dir, name), join(path, name));
        } catch {
          // In both folders.
        }
      }
    }
    const output = await box.run(['env', `PATH=${path}`, ...box.berth('up', ...box.flags)]);
    refused(output, 1, /containerd is missing; get it with: apt-get install containerd/);
  });

  test('a data directory that cannot be used is refused before anything starts', async () => {
    const readOnly = mounted('read-only', 'ro');
    refused(
      await up(`--data-dir=${readOnly}/berth`),
      1,
      /--data-dir: .* cannot be written: its file system is read-only/,
    );
    const small = mounted('small', 'size=8m');
    refused(await up(`--data-dir=${small}/berth`), 1, /--data-dir: .* has \d MiB free; Berth needs at least 512 MiB$/m);
    const file = join(box.directory, 'a-file');
    writeFileSync(file, '');
    refused(await up(`--data-dir=${file}`), 1, /--data-dir: .*a-file cannot be written: it is not a folder$/m);
    const closed = join(folder('closed', 0o700), 'berth');
    refused(
      await up(`--data-dir=${closed}`),
      1,
      /cannot enter .*closed: choose another data directory, or chmod o\+x it$/m,
    );
    const deep = join(box.directory, 'd'.repeat(100));
    refused(await up(`--data-dir=${deep}`), 1, /is \d+ bytes long .* choose a shorter data directory/);
  });

  test('a damaged settings file is named', async () => {
    const dir = folder('damaged');
    writeFileSync(join(dir, 'settings.json'), '{"node": tru');
    for (const verb of ['up', 'delete']) {
      const output = await berth(verb, `--data-dir=${dir}`);
      refused(output, 1, /damaged\/settings\.json is damaged \(.*\): repair it, or remove it/);
    }
    writeFileSync(join(dir, 'settings.json'), '{"node": "yes"}');
    refused(await berth('up', `--data-dir=${dir}`), 1, /is damaged \(node must be a boolean\)/);
  });

  test('an unreachable database ends up within --timeout, with the reason', async () => {
    const dir = join(box.directory, 'unreachable');
    const output = await up(
      '--no-node',
      `--data-dir=${dir}`,
      '--database-url=postgresql://berth@127.0.0.1:1/berth',
      '--timeout=10',
    );
    assert.equal(output.code, 1);
    assert.match(output.stderr, /the API: not within --timeout/);
    assert.match(output.stderr, /server: .*cannot reach PostgreSQL, trying again: connect ECONNREFUSED 127\.0\.0\.1:1/);
    assert.equal((await berth('status', `--data-dir=${dir}`)).code, 1);
    assert.equal((await berth('delete', `--data-dir=${dir}`)).code, 0);
  });

  test('npm run up -- --help lists the flags', async () => {
    const output = await box.run(['npm', 'run', '--silent', 'up', '--', '--help']);
    assert.equal(output.code, 0, output.stderr);
    for (const flag of [
      ...['data-dir', 'no-node', 'node-name', 'secure-port', 'agent-port', 'database-url', 'cluster-cidr'],
      ...['service-cluster-ip-range', 'container-runtime-endpoint', 'cgroup-driver', 'proxy-mode'],
      ...['config', 'eviction-hard', 'pod-pids-limit', 'logging-format', 'log-level', 'tracing'],
    ]) {
      assert.match(output.stdout, new RegExp(`^  --${flag} `, 'm'));
    }
  });

  test('npm run prints the path of the kubeconfig and nothing else', async () => {
    const dir = folder('printed');
    writeFileSync(join(dir, 'kubeconfig'), '');
    const output = await box.run(['npm', 'run', '--silent', 'kubeconfig', '--', `--data-dir=${dir}`]);
    assert.deepEqual(output, { code: 0, stdout: `${dir}/kubeconfig\n`, stderr: '' });
  });
});

/** An ordinary user that every system has. */
const NOBODY = 65534;

function readableByAll(): boolean {
  try {
    for (let path = process.cwd(); path !== '/'; path = join(path, '..')) {
      accessSync(path);
      if ((statSync(path).mode & 0o005) !== 0o005) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** Other users cannot enter a checkout in root's home: then root runs the same, and asks for no node. */
const unprivileged = readableByAll();

describeUnless(clusterMissing(), `berth without ${unprivileged ? 'root' : 'a node'}`, () => {
  let box: Cluster;
  let home: string;
  let dataDir: string;

  const command = (verb: string, args: string[]) => [
    ...(unprivileged ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []),
    ...['env', '-u', 'KUBECONFIG', `HOME=${home}`],
    ...box.berth(
      verb,
      ...(unprivileged ? [] : [`--data-dir=${dataDir}`, ...(verb === 'up' ? ['--no-node'] : [])]),
      ...args,
    ),
  ];
  const berth = (verb: string, ...args: string[]) => box.run(command(verb, args));
  const apply = async (input: string, ...args: string[]) => box.run(command('apply', ['-f', '-', ...args]), { input });
  const kubectl = async (...args: string[]) => box.ok(['kubectl', `--kubeconfig=${dataDir}/kubeconfig`, ...args]);

  beforeAll(async () => {
    box = new Cluster('nobody');
    home = join(box.directory, 'home');
    dataDir = join(home, '.local', 'share', 'berth');
    mkdirSync(join(home, '.kube'), { recursive: true });
    const other =
      'apiVersion: v1\nkind: Config\n# mine\ncurrent-context: work\nclusters: []\nusers: []\ncontexts: []\n';
    writeFileSync(join(home, '.kube', 'config'), other);
    if (!unprivileged) return;
    for (const path of [home, join(home, '.kube'), join(home, '.kube', 'config')]) chownSync(path, NOBODY, NOBODY);
  });
  afterAll(async () => {
    await berth('delete');
    await box?.close();
  });

  test('the control plane alone comes up, and says what is missing', async () => {
    const output = await berth('up');
    assert.equal(output.code, 0, output.stderr);
    const why = unprivileged
      ? /^No node runs here because containers need root; start one with: sudo npm run up$/m
      : /^No node runs here because of --no-node; start one with: npm run up$/m;
    assert.match(output.stdout, why);
    const kept = await box.run(['cat', join(home, '.kube', 'config')]);
    assert.match(kept.stdout, /# mine\ncurrent-context: work/);
    assert.match(kept.stdout, /name: "?berth/);
    const status = await berth('status');
    assert.equal(status.code, 0, status.stdout);
    assert.match(status.stdout, /^postgres +running[\s\S]*^server +running[\s\S]*^API: ready$/m);
    assert.equal((await berth('kubeconfig')).stdout, `${dataDir}/kubeconfig\n`);
    assert.equal((await berth('up')).code, 0, 'once more');
  });

  test('apply creates, leaves alone, changes, and takes out what went', async () => {
    const service = (ports: string, labels: string) =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {${labels}}}\nspec: {selector: {app: a}, ports: [${ports}]}\n`;
    const [http, https] = ['{name: http, port: 80}', '{name: https, port: 443}'];
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n';
    const both = `${namespace}---\n${service(`${http}, ${https}`, 'tier: web, team: one')}`;
    assert.equal((await apply(both)).stdout, 'namespace/other created\nservice/a created\n');
    assert.equal((await apply(both)).stdout, 'namespace/other unchanged\nservice/a unchanged\n');
    await kubectl('label', 'service', 'a', 'by=hand');
    assert.equal((await apply(service(http, 'tier: web'))).stdout, 'service/a configured\n');
    const { spec, metadata } = JSON.parse(await kubectl('get', 'service', 'a', '-o', 'json'));
    assert.deepEqual(
      spec.ports.map(({ name }: { name: string }) => name),
      ['http'],
    );
    assert.deepEqual(metadata.labels, { tier: 'web', by: 'hand' });
    assert.equal((await apply(service(http, 'tier: web'), '--namespace=other')).stdout, 'service/a created\n');
    const taken = await box.ok(['kubectl', `--kubeconfig=${dataDir}/kubeconfig`, 'apply', '-f', '-'], {
      input: service(http, 'tier: web'),
    });
    assert.match(taken, /^service\/a (unchanged|configured)$/m, 'kubectl takes up what berth applied');
  });

  test('apply reads files, folders, JSON and Lists', async () => {
    const folder = join(home, 'manifests', 'deep');
    mkdirSync(folder, { recursive: true });
    const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { k: 'v' } });
    writeFileSync(join(folder, 'b.json'), JSON.stringify(configMap('b')));
    const list = { apiVersion: 'v1', kind: 'List', items: [configMap('c'), configMap('d')] };
    writeFileSync(join(folder, 'c.yml'), JSON.stringify(list));
    writeFileSync(join(folder, 'notes.txt'), 'not a manifest');
    const output = await berth('apply', '-f', join(home, 'manifests'));
    assert.equal(output.stdout, 'configmap/b created\nconfigmap/c created\nconfigmap/d created\n', output.stderr);
    const two = await berth('apply', '-f', join(folder, 'b.json'), '--filename', join(folder, 'c.yml'));
    assert.equal(two.stdout, 'configmap/b unchanged\nconfigmap/c unchanged\nconfigmap/d unchanged\n');
  });

  const bad: [what: string, manifest: string, line: RegExp][] = [
    ['broken YAML', 'a: [', /^berth apply: standard input: /],
    ['no object', '# nothing\n', /^berth apply: the input contains no object$/m],
    ['a scalar', 'hello', /^berth apply: standard input:1: not an object$/m],
    ['no kind', 'apiVersion: v1\nmetadata: {name: a}', /standard input:1: kind is missing/],
    ['no name', 'apiVersion: v1\nkind: Pod', /standard input:1: metadata\.name is missing/],
    [
      'an unknown kind',
      'apiVersion: example.com/v1\nkind: Frob\nmetadata: {name: a}',
      /standard input:1: no matches for kind "Frob" in version "example\.com\/v1"/,
    ],
    [
      'an unknown field',
      'apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {prots: []}',
      /standard input:1: .*unknown field "spec\.prots"/,
    ],
    [
      'a wrong type',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\ndata: {port: 80}',
      /standard input:1: .*data/,
    ],
    [
      'a value that is not allowed',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}',
      /standard input:1: ConfigMap "Not_A_Name" is invalid: metadata\.name: Invalid value/,
    ],
    [
      'a namespace that is not there',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nowhere}',
      /standard input:1: namespaces "nowhere" not found/,
    ],
  ];
  for (const [what, manifest, line] of bad) {
    test(`apply refuses ${what} in one line`, async () => refused(await apply(manifest), 1, line));
  }

  test('a path that is not there is named', async () => {
    refused(await berth('apply', '-f', '/nowhere.yaml'), 1, /^berth apply: \/nowhere\.yaml: no such file or folder$/m);
    mkdirSync(join(home, 'empty'));
    refused(await berth('apply', '-f', join(home, 'empty')), 1, /empty contains no \.yaml, \.yml or \.json file$/m);
  });

  test('one bad document does not keep the others from being applied', async () => {
    const good = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: after-bad}\n';
    const output = await apply(`apiVersion: v1\nkind: Nonsense\nmetadata: {name: a}\n---\n${good}`);
    assert.equal(output.code, 1);
    assert.equal(output.stdout, 'configmap/after-bad created\n');
  });

  const supervisorConfig = () => join(dataDir, 'supervisor.json');
  const ours = () => ourProcesses().filter((line) => line.includes(dataDir));
  const pids = async () => [...(await berth('status')).stdout.matchAll(/^(\w+) +running +(\d+)/gm)].map(([row]) => row);
  const killSupervisor = async () => {
    const [pid] = ours().filter((line) => line.endsWith(supervisorConfig()));
    assert.ok(pid, 'a supervisor runs');
    process.kill(Number.parseInt(pid, 10), 'SIGKILL');
    await until('it is gone', async () => !ours().some((line) => line.endsWith(supervisorConfig())));
  };

  test('what a killed supervisor left running is shown, adopted by up, and ended by down', async () => {
    const before = await pids();
    assert.equal(before.length, 2);
    await killSupervisor();
    const status = await berth('status');
    assert.equal(status.code, 1);
    assert.match(status.stdout, /^server +running[\s\S]*^supervisor: it was killed, .* npm run up$/m);
    const again = await berth('up');
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await pids(), before);
    assert.equal((await berth('status')).code, 0);
    await killSupervisor();
    const down = await berth('down');
    assert.match(down.stdout, /^Stopped (postgres, server|server, postgres)\./m);
    assert.deepEqual(ours(), []);
    assert.equal((await berth('up')).code, 0);
  });

  test('an up that was interrupted after it wrote down what to run is made good by the next one', async () => {
    const wanted = readFileSync(supervisorConfig());
    assert.equal((await berth('up', '--secure-port=7443')).code, 0);
    writeFileSync(supervisorConfig(), wanted);
    const output = await berth('up', '--secure-port=6443', '--timeout=30');
    assert.equal(output.code, 0, output.stderr);
  });

  test('status tells a process that failed; down and delete end it all', async () => {
    const down = await berth('down');
    assert.match(down.stdout, /^Stopped postgres, server\./m);
    assert.equal((await berth('status')).code, 3);
    const again = await berth('up', '--secure-port=7443');
    assert.equal(again.code, 0, again.stderr);
    assert.match(await kubectl('get', 'configmap', 'after-bad', '-o', 'name'), /configmap\/after-bad/);
    await killSupervisor();
    assert.equal((await berth('delete')).code, 0);
    assert.deepEqual(ours(), []);
    assert.match((await berth('delete')).stdout, /^Nothing to delete/);
    const kept = await box.run(['cat', join(home, '.kube', 'config')]);
    assert.doesNotMatch(kept.stdout, /berth/);
    assert.match(kept.stdout, /current-context: work/);
  });
});
