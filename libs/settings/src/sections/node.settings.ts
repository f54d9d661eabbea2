import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseDuration } from '#apimachinery';
import { EachItem, IsAddress, IsDnsName, IsNotAbove, IsOneOf, IsPort, IsWhole, Parses } from '../constraints.js';
import { DEFAULT_THRESHOLDS, parseThresholds } from '../formats/eviction-thresholds.js';
import { parseSysctlPatterns } from '../formats/sysctl-patterns.js';
import { NumberSetting, TextSetting } from '../setting.js';

/** Kubelet's memorySwap.swapBehavior and memoryReservationPolicy. */
export const SWAP_BEHAVIORS = ['NoSwap', 'LimitedSwap'] as const;
export const RESERVATION_POLICIES = ['None', 'TieredReservation'] as const;

function parseFactor(text: string): void {
  const factor = Number(text);
  if (!(factor > 0 && factor <= 1)) throw new Error(`must be greater than 0 and not greater than 1: got ${text}`);
}

/** The node on this machine. */
export class NodeSettings {
  @IsDnsName('name')
  @TextSetting({
    help: 'name of the Node object',
    argument: 'NAME',
    otherwise: { up: 'host name', server: 'no node here', agent: 'host name' },
    normal: (name) => name.toLowerCase(),
    programs: { up: true, server: 'local-node-name', agent: true },
  })
  nodeName?: string;

  @EachItem((item) => isIP(item) !== 0, 'must be IP addresses', { groups: ['agent'] })
  @IsAddress({ groups: ['up', 'server'] })
  @TextSetting({
    help: 'address by which other nodes and pods reach this node',
    argument: 'IP',
    otherwise: {
      up: 'that of the default route',
      server: 'that of --advertise-address',
      agent: 'the first that is not loopback',
    },
    programs: { up: true, server: 'local-node-ip', agent: true },
  })
  nodeIp?: string;

  @IsPort(0, { groups: ['agent'] })
  @IsPort(1, { groups: ['up'] })
  @NumberSetting({
    help: 'port of the node server',
    argument: 'PORT',
    default: 10250,
    programs: { up: true, agent: 'port' },
  })
  agentPort!: number;

  @TextSetting({
    help: 'how the agent reaches the API',
    argument: 'FILE',
    otherwise: '<data dir>/agent.kubeconfig',
    normal: resolve,
    programs: { up: true, agent: 'kubeconfig' },
  })
  agentKubeconfig?: string;

  @TextSetting({
    help: 'socket of your own CRI v1 runtime',
    argument: 'SOCKET',
    otherwise: "Berth's own containerd",
    normal: (endpoint) => endpoint.replace(/^unix:\/\//, ''),
    programs: { up: true, agent: true },
  })
  containerRuntimeEndpoint?: string;

  @IsOneOf(['auto', 'cgroupfs', 'systemd'])
  @TextSetting({
    help: 'who makes the cgroups of pods: cgroupfs, systemd, or auto',
    argument: 'NAME',
    default: 'auto',
    otherwise: {
      up: 'auto: systemd where it is process 1; what your own runtime says',
      agent: 'auto: what the runtime says',
    },
    programs: { up: true, agent: true },
  })
  cgroupDriver!: 'auto' | 'cgroupfs' | 'systemd';

  @TextSetting({
    help: 'parent of the cgroups of pods',
    argument: 'PATH',
    default: '/',
    programs: { up: true, agent: true },
  })
  cgroupRoot!: string;

  @TextSetting({
    help: 'folder of the logs of containers',
    argument: 'DIR',
    otherwise: {
      up: '/var/log/pods; with another --data-dir <data dir>/pod-logs',
      agent: '/var/log/pods',
    },
    normal: resolve,
    programs: { up: true, agent: true },
  })
  podLogsDir?: string;

  @TextSetting({
    help: 'static pods: a folder with a file each, or one file; empty: none',
    argument: 'PATH',
    otherwise: '<data dir>/manifests',
    normal: resolve,
    programs: { up: true, agent: true },
  })
  podManifestPath?: string;

  @IsWhole(0)
  @NumberSetting({
    help: 'processes that a pod may have; 0: no limit',
    argument: 'NUMBER',
    default: 0,
    programs: { up: true, agent: true },
  })
  podPidsLimit!: number;

  @IsOneOf(SWAP_BEHAVIORS)
  @TextSetting({
    help: `swap of containers, with cgroup v2: ${SWAP_BEHAVIORS.join(', ')}`,
    argument: 'NAME',
    default: 'NoSwap',
    programs: { up: true, agent: true },
  })
  memorySwapBehavior!: (typeof SWAP_BEHAVIORS)[number];

  @Parses(parseFactor)
  @NumberSetting({
    help: 'part of the way from memory request to limit without throttling, above 0, at most 1',
    argument: 'FACTOR',
    otherwise: 'no throttling',
    programs: { up: true, agent: true },
  })
  memoryThrottlingFactor?: number;

  @IsOneOf(RESERVATION_POLICIES)
  @TextSetting({
    help: `what of the requested memory the kernel keeps: ${RESERVATION_POLICIES.join(', ')}`,
    argument: 'NAME',
    default: 'None',
    programs: { up: true, agent: true },
  })
  memoryReservationPolicy!: (typeof RESERVATION_POLICIES)[number];

  @Parses(parseSysctlPatterns)
  @TextSetting({
    help: 'kernel settings that pods may have besides the safe ones; kernel.msg* for several',
    argument: 'NAME,...',
    default: '',
    list: true,
    programs: { up: true, agent: true },
  })
  allowedUnsafeSysctls!: string;

  @IsWhole(0, 100)
  @NumberSetting({
    help: "percent of the images' disk from which unused images are removed; 100: never",
    argument: 'PERCENT',
    default: 85,
    programs: { up: true, agent: true },
  })
  imageGcHighThreshold!: number;

  @IsNotAbove('imageGcHighThreshold', 'image-gc-high-threshold')
  @IsWhole(0, 100)
  @NumberSetting({
    help: 'percent down to which unused images are removed',
    argument: 'PERCENT',
    default: 80,
    programs: { up: true, agent: true },
  })
  imageGcLowThreshold!: number;

  @Parses(parseDuration)
  @TextSetting({
    help: 'how long an unused image stays at least',
    argument: 'DURATION',
    default: '2m',
    programs: { up: true, agent: true },
  })
  minimumImageTtlDuration!: string;

  @Parses(parseThresholds)
  @TextSetting({
    help: 'pods are evicted while less than this is left; empty: never',
    argument: 'SIGNAL<VALUE,...',
    default: DEFAULT_THRESHOLDS,
    list: true,
    programs: { up: true, agent: true },
  })
  evictionHard!: string;
}
