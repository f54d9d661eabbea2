import { canonicalQuantity, formatTime, semanticEqual } from '#apimachinery';
import type { ContainerImage, Node, NodeCondition, NodeStatus } from '#kinds';
import type { PressureCondition, Threshold } from '#settings';
import { goDuration } from '../pod/go-duration.js';
import type { CriImage, CriRuntimeStatus, CriVersion } from '../runtime/cri-types.js';
import type { DiskUsage, MachineFacts } from './machine.js';
import { reserved } from './thresholds.js';

export const KUBELET_VERSION = 'v1.37.2+berth';
export const MAX_PODS = 110;
/** Kubelet's nodeStatusMaxImages, and the names it lists of each. */
const MAX_IMAGES = 50;
const MAX_IMAGE_NAMES = 5;

export interface NodeReport {
  machine: MachineFacts;
  nodeName: string;
  nodeIps: string[];
  port: number;
  disk: DiskUsage;
  /** Below these pods are evicted: what they keep is nobody's to ask for. */
  thresholds: readonly Threshold[];
  pressure: readonly PressureCondition[];
  /** Undefined when the runtime does not answer. */
  runtime?: { version: CriVersion; status: CriRuntimeStatus };
  images: CriImage[];
  /** Milliseconds since the runtime told what runs. */
  runtimeSilence: number;
  now: number;
}

/** Pure: status of the Node object. Conditions that others own are kept. */
export function nodeStatus(old: NodeStatus, report: NodeReport): NodeStatus {
  const { machine, runtime } = report;
  return {
    capacity: capacity(report),
    allocatable: allocatable(report),
    addresses: [
      ...report.nodeIps.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: report.nodeName },
    ],
    conditions: conditions(old.conditions ?? [], report),
    daemonEndpoints: { kubeletEndpoint: { Port: report.port } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: runtime
        ? `${runtime.version.runtimeName}://${runtime.version.runtimeVersion}`
        : (old.nodeInfo?.containerRuntimeVersion ?? ''),
      kubeletVersion: KUBELET_VERSION,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
    images: images(report.images),
    ...(runtime?.status.runtimeHandlers?.length
      ? {
          // What the runtime can and this agent does not ask of it, no pod of this node gets.
          runtimeHandlers: runtime.status.runtimeHandlers.map(({ name }) => ({
            name,
            features: { recursiveReadOnlyMounts: false, userNamespaces: false },
          })),
        }
      : {}),
    ...(runtime?.status.features
      ? { features: { supplementalGroupsPolicy: runtime.status.features.supplementalGroupsPolicy } }
      : {}),
  };
}

export function capacity({ machine, disk }: Pick<NodeReport, 'machine' | 'disk'>): Record<string, string> {
  return {
    cpu: String(machine.cpus),
    'ephemeral-storage': kibibytes(disk.capacity),
    ...Object.fromEntries(Object.entries(machine.hugepages).map(([name, bytes]) => [name, kibibytes(bytes)])),
    memory: kibibytes(machine.memory),
    pods: String(MAX_PODS),
  };
}

export function allocatable(report: Pick<NodeReport, 'machine' | 'disk' | 'thresholds'>): Record<string, string> {
  const { machine, disk, thresholds } = report;
  const hugepages = Object.values(machine.hugepages).reduce((sum, bytes) => sum + bytes, 0);
  const memory = machine.memory - hugepages - reserved(thresholds, 'memory.available', machine.memory);
  return {
    ...capacity(report),
    'ephemeral-storage': canonicalQuantity(
      String(disk.capacity - reserved(thresholds, 'nodefs.available', disk.capacity)),
    ),
    memory: kibibytes(Math.max(memory, 0)),
  };
}

/** Whole ones, as the API server writes the quantity: any other form would be a change at each look. */
function kibibytes(bytes: number): string {
  return canonicalQuantity(`${Math.floor(bytes / 1024)}Ki`);
}

function conditions(old: NodeCondition[], report: NodeReport): NodeCondition[] {
  const pressure = (type: PressureCondition, bad: [string, string], good: [string, string]) => {
    const holds = report.pressure.includes(type);
    const [reason, message] = holds ? bad : good;
    return { type, status: holds ? 'True' : 'False', reason, message };
  };
  const fresh = [
    pressure(
      'MemoryPressure',
      ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
      ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ),
    pressure(
      'DiskPressure',
      ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
      ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ),
    pressure(
      'PIDPressure',
      ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
      ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ),
    ready(report),
  ];
  const time = formatTime(new Date(report.now));
  return fresh.map((condition) => {
    const before = old.find((candidate) => candidate.type === condition.type);
    const unchanged = before?.status === condition.status;
    return { ...condition, lastHeartbeatTime: time, lastTransitionTime: unchanged ? before.lastTransitionTime : time };
  });
}

/** As long as kubelet waits for its Pod Lifecycle Event Generator (PLEG). Milliseconds. */
const MAX_SILENCE = 180_000;

/** What is wrong when nobody knows what runs: the runtime may answer other questions, and hang at this one. */
export function unseenPods(silence: number): string | undefined {
  if (silence <= MAX_SILENCE) return undefined;
  return `pleg was last seen active ${goDuration(silence)} ago; threshold is ${goDuration(MAX_SILENCE)}`;
}

function ready({ runtime, runtimeSilence }: NodeReport): NodeCondition {
  const problems: string[] = [];
  if (!runtime) problems.push('container runtime is down');
  const unseen = unseenPods(runtimeSilence);
  if (unseen) problems.push(`PLEG is not healthy: ${unseen}`);
  for (const condition of runtime?.status.status.conditions ?? []) {
    if (condition.status) continue;
    const what =
      condition.type === 'NetworkReady' ? 'container runtime network not ready' : 'container runtime not ready';
    if (condition.type !== 'NetworkReady' && condition.type !== 'RuntimeReady') continue;
    problems.push(`${what}: ${condition.type}=false reason:${condition.reason} message:${condition.message}`);
  }
  if (problems.length === 0) {
    return { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' };
  }
  const message = problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`;
  return { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message };
}

function images(list: CriImage[]): ContainerImage[] {
  return [...list]
    .sort((a, b) => b.size - a.size)
    .slice(0, MAX_IMAGES)
    .map((image) => ({
      names: [...image.repoDigests, ...image.repoTags].slice(0, MAX_IMAGE_NAMES),
      sizeBytes: image.size,
    }));
}

/** Whether only heartbeats differ: such a status may wait. A list without entries is the same as none, as the API server keeps it. */
export function sameNodeStatus(a: NodeStatus, b: NodeStatus): boolean {
  const lasting = (status: NodeStatus): NodeStatus => ({
    ...status,
    conditions: (status.conditions ?? [])
      .map(({ lastHeartbeatTime: _, ...rest }) => rest)
      .sort((x, y) => x.type.localeCompare(y.type)),
  });
  const [before, after] = [lasting(a), lasting(b)];
  return (Object.keys(b) as (keyof NodeStatus)[]).every((key) => semanticEqual(before[key], after[key]));
}

export function nodeLabels(nodeName: string, machine: MachineFacts): Record<string, string> {
  return {
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': machine.architecture,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': machine.architecture,
  };
}

export function newNode(nodeName: string, machine: MachineFacts, status: NodeStatus): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: nodeLabels(nodeName, machine) },
    spec: {},
    status,
  };
}
