import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cniPlugins, hasCapability, which } from '#host';
import { PAUSE_IMAGE } from '#oci';
import type { Layout } from '../layout.js';
import { CliError } from '../verb.js';
import type { CgroupDriver } from './cgroup-driver.js';
import { closeFolder } from './private-files.js';

/**
 * Writes the configuration of a containerd of our own and returns its command line.
 * @param cniConfigDir where it finds the network of pods; a folder that is not below the data directory keeps its mode.
 */
export function containerdCommand(layout: Layout, cniConfigDir: string, cgroupDriver: CgroupDriver): string[] {
  const program = which('containerd');
  if (!program) throw new CliError('containerd is missing; get it with: apt-get install containerd');
  const binDir = cniPlugins();
  if (!binDir)
    throw new CliError('the CNI plugins are missing; get them with: apt-get install containernetworking-plugins');
  closeFolder(layout.containerdDir, 0o711);
  // Layers of images, private ones included: containerd makes it readable for everybody who knows its name.
  closeFolder(join(layout.containerdDir, 'io.containerd.content.v1.content'), 0o700);
  closeFolder(dirname(layout.cniConfigDir), 0o700);
  closeFolder(layout.cniConfigDir, 0o700);
  mkdirSync(cniConfigDir, { recursive: true });
  mkdirSync(join(layout.containerdDir, 'certs.d'), { recursive: true });
  const path = join(layout.containerdDir, 'config.toml');
  const config = containerdConfig(layout, {
    cniConfigDir,
    majorVersion: containerdVersion(program),
    runtime: chooseRuntime(),
    cgroupDriver,
    binDir,
    // Root without it may not lower any process's out-of-memory score, and runc then fails to start containers.
    restrictOomScore: !hasCapability('CAP_SYS_RESOURCE'),
  });
  if (!existsSync(path) || readFileSync(path, 'utf8') !== config) writeFileSync(path, config, { mode: 0o600 });
  return [program, '--config', path];
}

/** Snapshotters for other file systems, tracing, and what would make folders outside ours. */
const unusedPlugins = [
  ...['aufs', 'btrfs', 'devmapper', 'zfs', 'blockfile', 'erofs'].map((name) => `io.containerd.snapshotter.v1.${name}`),
  'io.containerd.internal.v1.opt',
  'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.nri.v1.nri',
];

interface ContainerdChoices {
  majorVersion: number;
  runtime: string;
  cgroupDriver: CgroupDriver;
  binDir: string;
  cniConfigDir: string;
  restrictOomScore: boolean;
}

/**
 * containerd 1.x reads version 2 of its configuration, 2.x version 3, where the CRI plugin is split in two. By default it gives
 * containers no limit of huge pages; it goes without where the kernel has no such controller.
 */
export function containerdConfig(layout: Layout, choices: ContainerdChoices): string {
  const text = (value: string) => JSON.stringify(value);
  const state = join(layout.runDir, 'containerd');
  const head = `root = ${text(layout.containerdDir)}
state = ${text(join(state, 'state'))}
disabled_plugins = ${JSON.stringify(unusedPlugins)}
[grpc]
address = ${text(layout.containerdSocket)}
[ttrpc]
address = ${text(join(state, 'containerd.sock.ttrpc'))}
`;
  const runtime = (plugin: string) => `[plugins.${plugin}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.${plugin}.containerd.runtimes.runc.options]
BinaryName = ${text(choices.runtime)}
SystemdCgroup = ${choices.cgroupDriver === 'systemd'}
[plugins.${plugin}.cni]
bin_dir${choices.majorVersion >= 2 ? `s = [${text(choices.binDir)}]` : ` = ${text(choices.binDir)}`}
conf_dir = ${text(choices.cniConfigDir)}
`;
  if (choices.majorVersion >= 2) {
    return `version = 3
${head}[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = ${text(PAUSE_IMAGE)}
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = ${text(join(layout.containerdDir, 'certs.d'))}
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = ${choices.restrictOomScore}
disable_hugetlb_controller = false
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
[plugins.'io.containerd.grpc.v1.cri']
stream_server_address = "127.0.0.1"
stream_server_port = "0"
${runtime("'io.containerd.cri.v1.runtime'")}`;
  }
  return `version = 2
${head}[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = ${text(PAUSE_IMAGE)}
restrict_oom_score_adj = ${choices.restrictOomScore}
disable_hugetlb_controller = false
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = ${text(join(layout.containerdDir, 'certs.d'))}
${runtime('"io.containerd.grpc.v1.cri"')}`;
}

function containerdVersion(program: string): number {
  const output = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? '';
  return Number(/\bv?(\d+)\.\d+\.\d+/.exec(output)?.[1] ?? 1);
}

/** crun starts containers faster, but refuses the hybrid layout of cgroups (v1 controllers beside a v2 hierarchy). */
function chooseRuntime(): string {
  const unified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const choice = (unified ? which('crun') : undefined) ?? which('runc') ?? which('crun');
  if (!choice) throw new CliError('crun and runc are missing; get one with: apt-get install crun runc');
  return choice;
}
