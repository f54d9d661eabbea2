import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseDuration } from '#apimachinery';
import { LOG_FORMATS, LOG_LEVELS, type LogOptions } from '#telemetry';
import type { ImagePolicy } from './images/image-garbage.js';
import type { NetworkOptions } from './network/network.js';
import { DEFAULT_THRESHOLDS, parseThresholds, type Threshold } from './node/thresholds.js';
import { type MemoryPolicy, RESERVATION_POLICIES, SWAP_BEHAVIORS } from './pod/memory-policy.js';
import { parseSysctlPatterns } from './pod/pod-sysctls.js';
import { CGROUP_DRIVERS, type CgroupDriver } from './runtime/cgroup-driver.js';

export interface AgentOptions {
  dataDir: string;
  kubeconfig: string;
  nodeName: string;
  nodeIps: string[];
  runtimeEndpoint: string;
  /** Undefined: what the runtime says. */
  cgroupDriver: CgroupDriver | undefined;
  /** Where the pods' tree starts in each hierarchy; '' for its root. */
  cgroupRoot: string;
  /** A mode's name, which `prepareNetwork` checks, or `none`. */
  proxyMode: string;
  clusterDns: string[];
  clusterDomain: string;
  clusterCidr: string;
  serviceClusterIpRange: string;
  port: number;
  podLogsDir: string;
  /** Undefined when the runtime's network is not ours to configure. */
  cniConfigDir: string | undefined;
  podPidsLimit: number;
  memory: Pick<MemoryPolicy, 'swap' | 'throttlingFactor' | 'reservation'>;
  /** Undefined: no static pods. */
  podManifestPath: string | undefined;
  unsafeSysctls: string[];
  imagePolicy: ImagePolicy;
  evictionThresholds: Threshold[];
  logging: LogOptions;
}

/** A flag that cannot be used; one line for the user. */
export class OptionsError extends Error {}

const FLAGS = {
  'data-dir': 'folder of this installation (default /var/lib/berth)',
  kubeconfig: 'how to reach the API server (default <data dir>/agent.kubeconfig)',
  'node-name': "name of the Node object (default: the machine's host name)",
  'node-ip': 'addresses of the node, comma-separated (default: the first that is not loopback)',
  'container-runtime-endpoint': 'socket of the CRI runtime (default /run/berth/containerd/containerd.sock)',
  'cgroup-driver': `who makes cgroups: ${CGROUP_DRIVERS.join(' or ')} (default: what the runtime says)`,
  'cgroup-root': 'parent of the kubepods cgroup (default: the root)',
  'proxy-mode': 'how Services are served: iptables or none',
  'cluster-dns': 'address of the cluster DNS, comma-separated',
  'cluster-domain': 'cluster.local',
  'cluster-cidr': 'addresses of all pods',
  'service-cluster-ip-range': 'addresses of Services',
  port: 'port of the node server (10250)',
  'pod-logs-dir': 'where container logs lie (default /var/log/pods)',
  'cni-conf-dir': "the runtime's CNI configuration (default <data dir>/cni/net.d); empty: not ours",
  'pod-pids-limit': 'processes a pod may have; 0 is no limit',
  'memory-swap-behavior': `swap of containers, with cgroup v2: ${SWAP_BEHAVIORS.join(', ')} (default NoSwap)`,
  'memory-throttling-factor':
    'part of the way from memory request to limit without throttling, 0-1 (default: no throttling)',
  'memory-reservation-policy': `what of the requested memory the kernel keeps: ${RESERVATION_POLICIES.join(', ')} (default None)`,
  'pod-manifest-path':
    'folder of static pods, a file each, or a single file (default <data dir>/manifests); empty: none',
  'allowed-unsafe-sysctls':
    'kernel settings that pods may have besides the safe ones, comma-separated; kernel.msg* for several',
  'image-gc-high-threshold':
    "percent of the images' disk from which on unused ones are removed; 100: never (default 85)",
  'image-gc-low-threshold': 'percent down to which they are removed (default 80)',
  'eviction-hard': `pods are evicted while less than this is left (default ${DEFAULT_THRESHOLDS}); empty: never`,
  'logging-format': `form of the log: ${LOG_FORMATS.join(', ')} (default text)`,
  'log-level': `least level of the log: ${LOG_LEVELS.join(', ')} (default info)`,
  'minimum-image-ttl-duration': 'how long an image stays that nobody uses (default 2m)',
} as const;

export function parseOptions(args: readonly string[]): AgentOptions | 'help' {
  let values: Record<string, string | boolean | undefined>;
  try {
    const options = Object.fromEntries(Object.keys(FLAGS).map((name) => [name, { type: 'string' as const }]));
    ({ values } = parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean' } } }));
  } catch (error) {
    throw new OptionsError((error as Error).message);
  }
  if (values['help']) return 'help';
  const text = (name: keyof typeof FLAGS, fallback: string): string => (values[name] as string | undefined) ?? fallback;
  const number = (name: keyof typeof FLAGS, fallback: number): number => {
    const value = Number(text(name, String(fallback)));
    if (!Number.isInteger(value) || value < 0) throw new OptionsError(`--${name}: not a whole number`);
    return value;
  };
  const choice = <T extends string>(name: keyof typeof FLAGS, allowed: readonly T[], fallback = allowed[0]!): T => {
    const value = text(name, fallback);
    if (!allowed.includes(value as T)) throw new OptionsError(`--${name}: ${value} is none of ${allowed.join(', ')}`);
    return value as T;
  };
  const parsed = <T>(name: keyof typeof FLAGS, fallback: string, parse: (value: string) => T): T => {
    try {
      return parse(text(name, fallback));
    } catch (error) {
      throw new OptionsError(`--${name}: ${(error as Error).message}`);
    }
  };
  const imagePolicy = (): ImagePolicy => {
    const [highPercent, lowPercent] = [number('image-gc-high-threshold', 85), number('image-gc-low-threshold', 80)];
    if (highPercent > 100) throw new OptionsError('--image-gc-high-threshold: not a percentage');
    if (lowPercent > highPercent) throw new OptionsError('--image-gc-low-threshold: above --image-gc-high-threshold');
    return { highPercent, lowPercent, minimumAge: parsed('minimum-image-ttl-duration', '2m', parseDuration) };
  };
  const dataDir = text('data-dir', '/var/lib/berth');
  const nodeIps = list(text('node-ip', firstAddress() ?? ''));
  if (nodeIps.length === 0) throw new OptionsError('--node-ip: this machine has no address besides loopback; give one');
  return {
    dataDir,
    kubeconfig: text('kubeconfig', join(dataDir, 'agent.kubeconfig')),
    nodeName: text('node-name', hostname().toLowerCase()),
    nodeIps,
    runtimeEndpoint: text('container-runtime-endpoint', '/run/berth/containerd/containerd.sock'),
    cgroupDriver: text('cgroup-driver', '') ? choice('cgroup-driver', CGROUP_DRIVERS) : undefined,
    cgroupRoot: text('cgroup-root', ''),
    proxyMode: text('proxy-mode', 'iptables'),
    clusterDns: list(text('cluster-dns', '10.96.0.10')),
    clusterDomain: text('cluster-domain', 'cluster.local'),
    clusterCidr: text('cluster-cidr', '10.244.0.0/16'),
    serviceClusterIpRange: text('service-cluster-ip-range', '10.96.0.0/16'),
    port: number('port', 10250),
    podLogsDir: text('pod-logs-dir', '/var/log/pods'),
    cniConfigDir: text('cni-conf-dir', join(dataDir, 'cni', 'net.d')) || undefined,
    podPidsLimit: number('pod-pids-limit', 0),
    memory: {
      swap: choice('memory-swap-behavior', SWAP_BEHAVIORS),
      reservation: choice('memory-reservation-policy', RESERVATION_POLICIES),
      throttlingFactor: text('memory-throttling-factor', '')
        ? parsed('memory-throttling-factor', '', parseFactor)
        : undefined,
    },
    podManifestPath: text('pod-manifest-path', join(dataDir, 'manifests')) || undefined,
    unsafeSysctls: parsed('allowed-unsafe-sysctls', '', parseSysctlPatterns),
    imagePolicy: imagePolicy(),
    logging: { format: choice('logging-format', LOG_FORMATS), level: choice('log-level', LOG_LEVELS, 'info') },
    evictionThresholds: parsed('eviction-hard', DEFAULT_THRESHOLDS, parseThresholds),
  };
}

export function networkOptions(options: AgentOptions): NetworkOptions {
  const { proxyMode, nodeName, nodeIps, clusterCidr, cniConfigDir } = options;
  return { proxyMode, nodeName, nodeIp: nodeIps[0]!, clusterCidr, cniConfigDir };
}

export function usage(): string {
  const lines = Object.entries(FLAGS).map(([name, what]) => `  --${name.padEnd(28)} ${what}`);
  return `berth node agent\n\n${lines.join('\n')}\n`;
}

function parseFactor(text: string): number {
  const factor = Number(text);
  if (!(factor > 0 && factor <= 1)) throw new Error('must be greater than 0 and not greater than 1');
  return factor;
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

function firstAddress(): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find((address) => address.family === 'IPv4' && !address.internal);
    if (found) return found.address;
  }
  return undefined;
}
