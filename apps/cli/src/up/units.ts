import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDuration } from '#apimachinery';
import { builtCrates, installation, nativeProgram } from '#host';
import { databaseUrl, postgresCommand } from '#postgres';
import { argumentsOf, splitList } from '#settings';
import type { Layout } from '../layout.js';
import type { Unit } from '../processes/processes.js';
import type { Settings } from '../settings.js';
import { cgroupDriver } from './cgroup-driver.js';
import { containerdCommand } from './containerd.js';

/** A server ends when its running requests have: a minute, and what their last answers take. */
const LONGEST_STOP_SECONDS = 75;

/** All processes of this Berth, in starting order. Each waits for the files and sockets it needs, not for a moment. */
export async function unitsOf(layout: Layout, settings: Settings): Promise<Unit[]> {
  const units: Unit[] = [];
  if (!settings.databaseUrl) {
    const { argv, env } = await postgresCommand(layout.postgresDir);
    units.push({ name: 'postgres', argv, env, stopSignal: 'INT', stopSeconds: 60 });
  }
  units.push({
    name: 'server',
    argv: [process.execPath, ...serverNodeFlags, entry('api'), ...serverFlags(layout, settings)],
    env: { ...nodeEnvironment(process.env), DATABASE_URL: settings.databaseUrl || databaseUrl(layout.postgresDir) },
    revision: revisionOf('server'),
    stopSeconds: LONGEST_STOP_SECONDS + Math.ceil(parseDuration(settings.shutdownDelayDuration) / 1000),
  });
  if (!settings.node) return units;
  if (!settings.containerRuntimeEndpoint) {
    const [cni, driver] = [settings.cniConfDir || layout.cniConfigDir, cgroupDriver(settings) ?? 'cgroupfs'];
    units.push({
      name: 'containerd',
      argv: containerdCommand(layout, cni, driver),
      env: callersVariables(process.env, OF_CONTAINERD),
      stopSeconds: 30,
      keepsChildren: true,
      // Its configuration is in a file that the arguments only name.
      revision: `${driver} ${cni}`,
    });
  }
  units.push({
    name: 'agent',
    argv: [process.execPath, ...agentNodeFlags, entry('node-agent'), ...agentFlags(layout, settings)],
    env: nodeEnvironment(process.env),
    requires: [
      settings.agentKubeconfig ?? layout.agentKubeconfig,
      layout.networkKubeconfig,
      runtimeOf(layout, settings),
    ],
    revision: revisionOf('agent'),
  });
  units.push({
    name: 'dns',
    argv: [
      nativeProgram('berth-dns'),
      `--kubeconfig=${layout.dnsKubeconfig}`,
      `--listen=${settings.nodeIp}:${settings.dnsPort}`,
      ...argumentsOf('dns', settings),
    ],
    requires: [layout.dnsKubeconfig],
    revision: revisionOf('dns'),
  });
  if (servesIngress(settings)) {
    const certificate = layout.ingressCertificate;
    units.push({
      name: 'ingress',
      argv: [
        nativeProgram('berth-ingress'),
        `--kubeconfig=${layout.ingressKubeconfig}`,
        `--name=${settings.nodeName}`,
        `--default-certificate=${certificate}`,
        `--default-key=${certificate.replace(/crt$/, 'key')}`,
        ...argumentsOf('ingress', settings),
      ],
      requires: [layout.ingressKubeconfig, certificate],
      revision: revisionOf('ingress'),
    });
  }
  return units;
}

/** The way to registries, and whom to trust there. */
export const OF_CONTAINERD = /^(?:https?_proxy|no_proxy|ssl_cert_(?:file|dir))$/i;
/** Modules that the operator loads into server and agent, and what exports their spans. */
const OF_NODE = /^(?:NODE_OPTIONS|NODE_EXTRA_CA_CERTS|OTEL_\w+|MALLOC_ARENA_MAX)$/;

/**
 * Of the server and the agent. glibc gives threads arenas of their own; what compressions and connections free there stays with
 * the process: a seventh of a busy server's memory with the default, eight for each processor.
 */
export function nodeEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  return { MALLOC_ARENA_MAX: '2', ...callersVariables(env, OF_NODE), NODE_ENV: 'production' };
}

/** Variables of who calls `up` that a process is to have. systemd would give it none of them. */
export function callersVariables(env: NodeJS.ProcessEnv, names: RegExp): Record<string, string> {
  const chosen = Object.entries(env).filter(([name, value]) => names.test(name) && value !== undefined);
  return Object.fromEntries(chosen) as Record<string, string>;
}

/** Names of the processes of `unitsOf`, for who starts none. */
export function unitNames(settings: Settings): string[] {
  const { databaseUrl, node, containerRuntimeEndpoint } = settings;
  const ingress = servesIngress(settings) ? ['ingress'] : [];
  const ofNode = [...(containerRuntimeEndpoint ? [] : ['containerd']), 'agent', 'dns', ...ingress];
  return [...(databaseUrl ? [] : ['postgres']), 'server', ...(node ? ofNode : [])];
}

/** Whether this node serves the Ingresses of the cluster. */
export function servesIngress({ node, disable }: Settings): boolean {
  return node && !splitList(disable).includes('ingress');
}

/** Arguments of the agent, also for its `cleanup` command. */
export function agentFlags(layout: Layout, settings: Settings): string[] {
  return argumentsOf('agent', {
    ...settings,
    dataDir: layout.dataDir,
    cgroupDriver: cgroupDriver(settings) ?? 'auto',
    agentKubeconfig: settings.agentKubeconfig ?? layout.agentKubeconfig,
    containerRuntimeEndpoint: runtimeOf(layout, settings),
    podLogsDir: settings.podLogsDir ?? layout.podLogsDir,
    cniConfDir: settings.cniConfDir ?? (settings.containerRuntimeEndpoint ? '' : layout.cniConfigDir),
  });
}

/** Socket of the container runtime. */
export function runtimeOf(layout: Layout, settings: Settings): string {
  return settings.containerRuntimeEndpoint || layout.containerdSocket;
}

export function agentProgram(): string {
  return entry('node-agent');
}

export function serverFlags(layout: Layout, settings: Settings): string[] {
  const { node, nodeIp, nodeName } = settings;
  return argumentsOf('server', {
    ...settings,
    dataDir: layout.dataDir,
    advertiseAddress: settings.advertiseAddress ?? nodeIp,
    nodeName: node ? nodeName : undefined,
    nodeIp: node ? nodeIp : undefined,
    // It may have a password, which a command line would show to everyone.
    databaseUrl: undefined,
  });
}

/** Heaps grow until they must not; these keep idle processes small without touching a busy one's throughput. */
const serverNodeFlags = ['--enable-source-maps', '--max-semi-space-size=16'];
const agentNodeFlags = ['--enable-source-maps', '--max-semi-space-size=2'];

function entry(app: string): string {
  return join(installation, 'dist', 'apps', app, 'src', 'main.js');
}

/** Native libraries that a program loads, or is. */
export const NATIVE_PARTS = {
  server: ['sched-core'],
  agent: ['cgroups', 'cri', 'files', 'net', 'netfilter'],
  dns: ['dns'],
  ingress: ['ingress'],
} as const;

/** A Rust program, which no build of the TypeScript changes. */
const isNative = (unit: keyof typeof NATIVE_PARTS) => unit === 'dns' || unit === 'ingress';

/** Another build of what the unit runs gives another text: `up` then restarts it, and no other. */
function revisionOf(unit: keyof typeof NATIVE_PARTS): string {
  const native = NATIVE_PARTS[unit].map((crate) => join(builtCrates, 'stamps', crate));
  const paths = isNative(unit) ? native : [join(installation, 'dist', 'build-id'), ...native];
  const builds = paths.map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : ''));
  // Another version of the pinned Node has the same path.
  return (isNative(unit) ? builds : [process.version, ...builds]).join('-');
}
