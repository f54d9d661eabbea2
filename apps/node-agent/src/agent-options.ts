import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { dnsAddress, parseDuration } from '#apimachinery';
import {
  byFlag,
  flagLayer,
  flagsOf,
  parseFlags,
  parseSysctlPatterns,
  parseThresholds,
  programUsage,
  resolveSettings,
  SettingError,
  type Settings,
  settingsLayer,
  splitList,
  type Threshold,
} from '#settings';
import type { LogOptions, TracingOptions } from '#telemetry';
import type { ImagePolicy } from './images/image-garbage.js';
import type { IpvsConfig } from './network/netfilter.js';
import type { NetworkOptions } from './network/network.js';
import type { MemoryPolicy } from './pod/memory-policy.js';
import type { CgroupDriver } from './runtime/cgroup-driver.js';

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
  /** A mode's name, which `prepareNetwork` checks, `auto` or `none`. */
  proxyMode: string;
  /** NetworkPolicies are enforced here, unless another program does. */
  enforcesPolicies: boolean;
  /** Of who may follow what policies select. */
  networkKubeconfig: string;
  /** `primary`, ranges, or nothing for all addresses of the node. */
  nodePortAddresses: string;
  ipvs: IpvsConfig;
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
  /** Where spans are sent; absent: none are made. */
  traceExport?: Pick<TracingOptions, 'endpoint' | 'samplingRatePerMillion'>;
}

/** Undefined when help was asked for. Throws SettingError, whose message names the flag. */
export function parseOptions(args: readonly string[]): AgentOptions | undefined {
  const { values, warnings } = parseFlags(flagsOf('agent'), args);
  if (values.help) return undefined;
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  const computed = { nodeName: hostname(), nodeIp: firstAddress() };
  const settings = resolveSettings('agent', [flagLayer('agent', values), settingsLayer(computed, byFlag('agent'))]);
  return optionsOf(settings);
}

function optionsOf(settings: Settings): AgentOptions {
  const { dataDir } = settings;
  const nodeIps = splitList(settings.nodeIp ?? '');
  if (nodeIps.length === 0) throw new SettingError('--node-ip: this machine has no address besides loopback; give one');
  return {
    dataDir,
    kubeconfig: settings.agentKubeconfig ?? join(dataDir, 'agent.kubeconfig'),
    nodeName: settings.nodeName!,
    nodeIps,
    runtimeEndpoint: settings.containerRuntimeEndpoint ?? '/run/berth/containerd/containerd.sock',
    cgroupDriver: settings.cgroupDriver === 'auto' ? undefined : settings.cgroupDriver,
    cgroupRoot: settings.cgroupRoot.replace(/^\/+/, ''),
    proxyMode: settings.proxyMode,
    enforcesPolicies: settings.networkPolicy !== 'none',
    networkKubeconfig: join(dataDir, 'network.kubeconfig'),
    nodePortAddresses: settings.nodeportAddresses,
    ipvs: {
      scheduler: settings.ipvsScheduler,
      strictArp: settings.ipvsStrictArp,
      excludeCidrs: splitList(settings.ipvsExcludeCidrs),
      timeouts: {
        tcp: wholeSeconds(settings.ipvsTcpTimeout),
        tcpFin: wholeSeconds(settings.ipvsTcpfinTimeout),
        udp: wholeSeconds(settings.ipvsUdpTimeout),
      },
    },
    clusterDns: splitList(settings.clusterDns ?? dnsAddress(settings.serviceClusterIpRange)),
    clusterDomain: settings.clusterDomain,
    clusterCidr: settings.clusterCidr,
    serviceClusterIpRange: settings.serviceClusterIpRange,
    port: settings.agentPort,
    podLogsDir: settings.podLogsDir ?? '/var/log/pods',
    cniConfigDir: (settings.cniConfDir ?? join(dataDir, 'cni', 'net.d')) || undefined,
    podPidsLimit: settings.podPidsLimit,
    memory: {
      swap: settings.memorySwapBehavior,
      throttlingFactor: settings.memoryThrottlingFactor,
      reservation: settings.memoryReservationPolicy,
    },
    podManifestPath: (settings.podManifestPath ?? join(dataDir, 'manifests')) || undefined,
    unsafeSysctls: parseSysctlPatterns(settings.allowedUnsafeSysctls),
    imagePolicy: {
      highPercent: settings.imageGcHighThreshold,
      lowPercent: settings.imageGcLowThreshold,
      minimumAge: parseDuration(settings.minimumImageTtlDuration),
    },
    evictionThresholds: parseThresholds(settings.evictionHard),
    traceExport: settings.tracingEndpoint
      ? { endpoint: settings.tracingEndpoint, samplingRatePerMillion: settings.tracingSamplingRatePerMillion }
      : undefined,
    logging: { format: settings.loggingFormat, level: settings.logLevel },
  };
}

function wholeSeconds(duration: string): number {
  return Math.floor(parseDuration(duration) / 1000);
}

export function networkOptions(options: AgentOptions): NetworkOptions {
  const { proxyMode, enforcesPolicies, nodeName, nodeIps, nodePortAddresses, ipvs } = options;
  const { clusterCidr, serviceClusterIpRange, cniConfigDir } = options;
  return {
    proxyMode,
    enforcesPolicies,
    nodeName,
    nodeIp: nodeIps[0]!,
    nodeIps,
    nodePortAddresses,
    ipvs,
    clusterCidr,
    serviceClusterIpRange,
    cniConfigDir,
  };
}

export function usage(): string {
  return programUsage(
    'agent',
    'agent [cleanup] [flags]',
    'The node agent of a Berth cluster. cleanup takes everything off the node.',
  );
}

function firstAddress(): string | undefined {
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find((address) => address.family === 'IPv4' && !address.internal);
    if (found) return found.address;
  }
  return undefined;
}
