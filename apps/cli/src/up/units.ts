import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dnsAddress } from '#apimachinery';
import { installation, nativeProgram } from '#host';
import { databaseUrl, postgresCommand } from '#postgres';
import type { Layout } from '../layout.js';
import type { Settings } from '../settings.js';
import type { Unit } from '../supervisor-client.js';
import { cgroupDriver } from './cgroup-driver.js';
import { containerdCommand } from './containerd.js';

/** All processes of this Berth, in starting order. Each waits for the files and sockets it needs, not for a moment. */
export async function unitsOf(layout: Layout, settings: Settings): Promise<Unit[]> {
  const revision = buildId();
  const units: Unit[] = [];
  if (!settings.databaseUrl) {
    const { argv, env } = await postgresCommand(layout.postgresDir);
    units.push({ name: 'postgres', argv, env, stopSignal: 'INT', stopSeconds: 60 });
  }
  units.push({
    name: 'server',
    argv: [
      process.execPath,
      ...serverNodeFlags,
      entry('api'),
      ...serverFlags(layout, settings),
      ...(settings.sharedDatabase ? ['--shared-database'] : []),
    ],
    env: { DATABASE_URL: settings.databaseUrl || databaseUrl(layout.postgresDir), NODE_ENV: 'production' },
    revision,
  });
  if (!settings.node) return units;
  const runtime = settings.containerRuntimeEndpoint || layout.containerdSocket;
  if (!settings.containerRuntimeEndpoint) {
    units.push({
      name: 'containerd',
      argv: containerdCommand(layout, cgroupDriver(settings) ?? 'cgroupfs'),
      stopSeconds: 30,
    });
  }
  units.push({
    name: 'agent',
    argv: [process.execPath, ...agentNodeFlags, entry('node-agent'), ...agentFlags(layout, settings, runtime)],
    env: { NODE_ENV: 'production' },
    requires: [layout.agentKubeconfig, runtime],
    revision,
  });
  units.push({
    name: 'dns',
    argv: [
      nativeProgram('berth-dns'),
      ...pairs({
        kubeconfig: layout.dnsKubeconfig,
        listen: `${settings.nodeIp}:${settings.dnsPort}`,
        'cluster-domain': settings.clusterDomain,
        'cluster-cidr': settings.clusterCidr,
      }),
      ...(settings.dnsUpstream ? settings.dnsUpstream.split(',') : []).map((server) => `--upstream=${server}`),
    ],
    requires: [layout.dnsKubeconfig],
    revision,
  });
  return units;
}

/** Arguments of the agent, also for its `cleanup` command. */
export function agentFlags(layout: Layout, settings: Settings, runtime: string): string[] {
  return pairs({
    'data-dir': layout.dataDir,
    kubeconfig: layout.agentKubeconfig,
    'node-name': settings.nodeName,
    'node-ip': settings.nodeIp,
    'container-runtime-endpoint': runtime,
    'cgroup-driver': cgroupDriver(settings) ?? '',
    'cgroup-root': settings.cgroupRoot.replace(/^\/+/, ''),
    'pod-logs-dir': layout.podLogsDir,
    'cni-conf-dir': settings.containerRuntimeEndpoint ? '' : layout.cniConfigDir,
    // The one mode there is so far.
    'proxy-mode': settings.proxyMode === 'auto' ? 'iptables' : settings.proxyMode,
    'cluster-dns': dnsAddress(settings.serviceCidr),
    'cluster-domain': settings.clusterDomain,
    'cluster-cidr': settings.clusterCidr,
    'service-cluster-ip-range': settings.serviceCidr,
    port: String(settings.agentPort),
  });
}

export function agentProgram(): string {
  return entry('node-agent');
}

function serverFlags(layout: Layout, settings: Settings): string[] {
  return pairs({
    'data-dir': layout.dataDir,
    'bind-address': settings.bindAddress,
    'secure-port': String(settings.securePort),
    'advertise-address': settings.nodeIp,
    'service-cluster-ip-range': settings.serviceCidr,
    'cluster-cidr': settings.clusterCidr,
    'cluster-domain': settings.clusterDomain,
    'cluster-dns-port': String(settings.dnsPort),
    'service-node-port-range': settings.nodePortRange,
    components: settings.components,
    'refuse-unenforced': String(settings.refuseUnenforced),
    ...(settings.node ? { 'local-node-name': settings.nodeName, 'local-node-ip': settings.nodeIp } : {}),
  });
}

/** Heaps grow until they must not; these keep idle processes small without touching a busy one's throughput. */
const serverNodeFlags = ['--enable-source-maps', '--max-semi-space-size=16'];
const agentNodeFlags = ['--enable-source-maps', '--max-semi-space-size=2'];

function entry(app: string): string {
  return join(installation, 'dist', 'apps', app, 'src', 'main.js');
}

function pairs(flags: Record<string, string>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

function buildId(): string {
  const stamp = join(installation, 'dist', 'build-id');
  const native = join(installation, 'target', '.berth-native');
  return [stamp, native].map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')).join('-');
}
