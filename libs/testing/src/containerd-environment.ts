import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileTree } from '#files';
import { cniPlugins, hasCapability, loadNative, which } from '#host';
import { type BuiltImage, buildImage, buildPauseImage, importArchive, PAUSE_IMAGE, type TarEntry } from '#oci';

/** Debian's static busybox under every name it answers to. */
export const BUSYBOX_IMAGE = 'berth.local/busybox:1';

export interface ContainerdOptions {
  /** Folder for everything; a temporary one when absent. It is removed at stop. */
  directory?: string;
  /** First three numbers of the pods' /24. Default: taken from the folder's name, within 10.64.0.0/10. */
  subnet?: string;
  /** Who makes the cgroups of containers. Default: cgroupfs. */
  cgroupDriver?: 'cgroupfs' | 'systemd';
  /** Who starts containers. Default: runc. */
  program?: 'runc' | 'crun';
}

/** Why this machine cannot run a containerd of its own, or undefined when it can. For `test(..., { skip })`. */
export function containerdMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of ['containerd', 'ctr', 'runc']) if (!which(program)) return `needs ${program} on PATH`;
  if (!cniPlugins()) return 'needs the CNI plugins (containernetworking-plugins)';
  if (!existsSync('/bin/busybox')) return 'needs busybox-static';
  return undefined;
}

/**
 * A containerd of the test's own: root, state, socket, network and images below one folder. `stop` removes every pod,
 * mount, network namespace and bridge that came from it.
 */
export class ContainerdEnvironment {
  private process: ChildProcess | undefined;

  private constructor(
    readonly directory: string,
    readonly bridge: string,
    readonly subnet: string,
    private readonly cgroupDriver: 'cgroupfs' | 'systemd',
    private readonly program: 'runc' | 'crun',
  ) {}

  static async start(options: ContainerdOptions = {}): Promise<ContainerdEnvironment> {
    const missing = containerdMissing();
    if (missing) throw new Error(`containerd environment: ${missing}`);
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'berth-cri-'));
    const mark = createHash('sha256').update(directory).digest();
    const bridge = `brt${mark.toString('hex').slice(0, 8)}`;
    const subnet = options.subnet ?? `10.${64 + (mark[8]! & 63)}.${mark[9]}`;
    const { cgroupDriver = 'cgroupfs', program = 'runc' } = options;
    const environment = new ContainerdEnvironment(directory, bridge, subnet, cgroupDriver, program);
    environment.configure();
    await environment.startProcess();
    const images = [buildPauseImage(), buildBusyboxImage()];
    for (const image of images) await environment.import(image);
    return environment;
  }

  get socket(): string {
    return join(this.directory, 'containerd.sock');
  }

  /** The address the pods see the machine under. */
  get gateway(): string {
    return `${this.subnet}.1`;
  }

  get logFile(): string {
    return join(this.directory, 'containerd.log');
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  private configure(): void {
    for (const name of ['root', 'state', 'cni', 'ipam', 'opt'])
      mkdirSync(join(this.directory, name), { recursive: true });
    const file = (name: string) => JSON.stringify(join(this.directory, name));
    const restrict = !hasCapability('CAP_SYS_RESOURCE');
    writeFileSync(
      join(this.directory, 'config.toml'),
      `version = 2
root = ${file('root')}
state = ${file('state')}
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
address = ${JSON.stringify(this.socket)}
[plugins."io.containerd.internal.v1.opt"]
path = ${file('opt')}
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${PAUSE_IMAGE}"
restrict_oom_score_adj = ${restrict}
disable_hugetlb_controller = false
stream_server_address = "127.0.0.1"
stream_server_port = "0"
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${cniPlugins()}"
conf_dir = ${file('cni')}
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = ${this.cgroupDriver === 'systemd'}
BinaryName = "${which(this.program)}"
`,
    );
    const network = {
      cniVersion: '1.0.0',
      name: this.bridge,
      plugins: [
        {
          type: 'bridge',
          bridge: this.bridge,
          isGateway: true,
          ipMasq: false,
          hairpinMode: true,
          ipam: {
            type: 'host-local',
            ranges: [[{ subnet: `${this.subnet}.0/24` }]],
            routes: [{ dst: '0.0.0.0/0' }],
            dataDir: join(this.directory, 'ipam'),
          },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    };
    writeFileSync(join(this.directory, 'cni', '10-berth.conflist'), JSON.stringify(network, null, 2));
  }

  /** Starts the daemon; after `kill`, on the state that the last one left. */
  async startProcess(): Promise<void> {
    const log = openSync(this.logFile, 'a');
    const daemon = spawn('containerd', ['--config', join(this.directory, 'config.toml')], {
      stdio: ['ignore', log, log],
      detached: true,
    });
    this.process = daemon;
    for (let attempt = 0; attempt < 200; attempt++) {
      if (daemon.exitCode !== null) break;
      try {
        execFileSync('ctr', ['--address', this.socket, 'version'], { stdio: 'ignore' });
        return;
      } catch {
        await sleep(50);
      }
    }
    throw new Error(`containerd did not start:\n${readFileSync(this.logFile, 'utf8').slice(-2000)}`);
  }

  async import(image: BuiltImage): Promise<void> {
    await importArchive(this.socket, image.archive);
  }

  /** Stops the daemon alone; containers run on. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const daemon = this.process;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    const daemon = this.process;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) await this.startProcess();
    await this.removeSandboxes();
    await this.kill('SIGTERM');
    try {
      execFileSync('ip', ['link', 'delete', this.bridge], { stdio: 'ignore' });
    } catch {
      // No pod ever ran, so there is no bridge.
    }
    const tree = new FileTree(this.directory);
    await tree.unmountBelow(this.directory);
    await tree.removeContents();
    rmdirSync(this.directory);
  }

  private async removeSandboxes(): Promise<void> {
    const { RuntimeClient } = loadNative<typeof import('#native/cri')>('cri');
    const runtime = new RuntimeClient(this.socket);
    const call = async (method: string, request: object): Promise<any> =>
      JSON.parse(await runtime.call(method, JSON.stringify(request), 30_000));
    const { items } = await call('ListPodSandbox', {});
    await Promise.all(
      items.map(async ({ id }: { id: string }) => {
        await call('StopPodSandbox', { podSandboxId: id });
        await call('RemovePodSandbox', { podSandboxId: id });
      }),
    );
  }
}

export function buildBusyboxImage(): BuiltImage {
  const names = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const files: TarEntry[] = [
    { path: 'bin/busybox', mode: 0o755, content: readFileSync('/bin/busybox') },
    ...names
      .filter((name) => name !== 'busybox')
      .map((name): TarEntry => ({ path: `bin/${name}`, type: 'symlink', target: 'busybox' })),
    { path: 'tmp/', type: 'directory', mode: 0o1777 },
    { path: 'root/', type: 'directory', mode: 0o700 },
    { path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' },
    { path: 'etc/group', content: 'root:x:0:\nnogroup:x:65534:\n' },
  ];
  return buildImage({
    reference: BUSYBOX_IMAGE,
    config: { Cmd: ['/bin/sh'], Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] },
    files,
  });
}
