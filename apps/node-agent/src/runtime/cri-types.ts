/**
 * The CRI v1 messages that the agent reads and writes, as the binding gives them: camelCase, enums as numbers, times in
 * nanoseconds (beyond 2^53, so good to about 256 ns). In requests every field may be left out.
 */

export const SandboxState = { Ready: 0, NotReady: 1 } as const;
export const ContainerState = { Created: 0, Running: 1, Exited: 2, Unknown: 3 } as const;
export const NamespaceMode = { Pod: 0, Container: 1, Node: 2, Target: 3 } as const;
export const Protocol: Record<string, number> = { TCP: 0, UDP: 1, SCTP: 2 };
export const MountPropagation: Record<string, number> = { None: 0, HostToContainer: 1, Bidirectional: 2 };
export const ProfileType: Record<string, number> = { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 };

export interface CriNamespaceOption {
  network?: number;
  pid?: number;
  ipc?: number;
  targetId?: string;
}

export interface CriLinuxResources {
  cpuPeriod?: number;
  cpuQuota?: number;
  cpuShares?: number;
  memoryLimitInBytes?: number;
  oomScoreAdj?: number;
  hugepageLimits?: { pageSize: string; limit: number }[];
  unified?: Record<string, string>;
  memorySwapLimitInBytes?: number;
}

export interface CriSecurityProfile {
  profileType?: number;
  localhostRef?: string;
}

export interface CriSelinuxOption {
  user?: string;
  role?: string;
  type?: string;
  level?: string;
}

export interface CriSandboxMetadata {
  name: string;
  uid: string;
  namespace: string;
  attempt: number;
}

export interface CriPortMapping {
  protocol?: number;
  containerPort: number;
  hostPort: number;
  hostIp?: string;
}

export interface CriSandboxConfig {
  metadata: CriSandboxMetadata;
  hostname?: string;
  logDirectory: string;
  dnsConfig?: { servers?: string[]; searches?: string[]; options?: string[] };
  portMappings?: CriPortMapping[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  linux: {
    cgroupParent?: string;
    sysctls?: Record<string, string>;
    overhead?: CriLinuxResources;
    resources?: CriLinuxResources;
    securityContext?: {
      namespaceOptions?: CriNamespaceOption;
      selinuxOptions?: CriSelinuxOption;
      runAsUser?: { value: number };
      runAsGroup?: { value: number };
      supplementalGroups?: number[];
      supplementalGroupsPolicy?: number;
      privileged?: boolean;
      seccomp?: CriSecurityProfile;
      apparmor?: CriSecurityProfile;
    };
  };
}

export interface CriSandbox {
  id: string;
  metadata: CriSandboxMetadata;
  state: number;
  createdAt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runtimeHandler: string;
}

export interface CriSandboxStatus extends CriSandbox {
  network: { ip: string; additionalIps: { ip: string }[] } | null;
  linux: { namespaces: { options: CriNamespaceOption } | null } | null;
}

export interface CriMount {
  containerPath: string;
  hostPath: string;
  readonly?: boolean;
  propagation?: number;
  selinuxRelabel?: boolean;
  recursiveReadOnly?: boolean;
}

export interface CriDevice {
  containerPath: string;
  hostPath: string;
  /** Letters of the cgroup's device rules: read, write, mknod. */
  permissions: string;
}

/** Arguments of mount(2). */
export interface CriMountCall {
  type: string;
  source: string;
  options: string[];
}

export interface CriImageSpec {
  image: string;
  userSpecifiedImage?: string;
  annotations?: Record<string, string>;
}

export interface CriContainerSecurityContext {
  capabilities?: { addCapabilities?: string[]; dropCapabilities?: string[] };
  privileged?: boolean;
  namespaceOptions?: CriNamespaceOption;
  selinuxOptions?: CriSelinuxOption;
  runAsUser?: { value: number };
  runAsGroup?: { value: number };
  runAsUsername?: string;
  readonlyRootfs?: boolean;
  supplementalGroups?: number[];
  supplementalGroupsPolicy?: number;
  noNewPrivs?: boolean;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  seccomp?: CriSecurityProfile;
  apparmor?: CriSecurityProfile;
}

export interface CriContainerConfig {
  metadata: { name: string; attempt: number };
  image: CriImageSpec;
  command?: string[];
  args?: string[];
  workingDir?: string;
  envs?: { key: string; value: string }[];
  mounts?: CriMount[];
  devices?: CriDevice[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  logPath: string;
  stdin?: boolean;
  stdinOnce?: boolean;
  tty?: boolean;
  linux: { resources?: CriLinuxResources; securityContext?: CriContainerSecurityContext };
  stopSignal?: number;
}

export interface CriContainer {
  id: string;
  podSandboxId: string;
  metadata: { name: string; attempt: number };
  image: CriImageSpec;
  imageRef: string;
  state: number;
  createdAt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  imageId: string;
}

export interface CriContainerStatus {
  id: string;
  metadata: { name: string; attempt: number };
  state: number;
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  image: CriImageSpec;
  imageRef: string;
  reason: string;
  message: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  mounts: CriMount[];
  logPath: string;
  resources: { linux: CriLinuxResources | null } | null;
  imageId: string;
  user: { linux: { uid: number; gid: number; supplementalGroups: number[] } | null } | null;
}

export interface CriImage {
  id: string;
  repoTags: string[];
  repoDigests: string[];
  size: number;
  uid: { value: number } | null;
  username: string;
  pinned: boolean;
}

export interface CriAuth {
  username?: string;
  password?: string;
  auth?: string;
  serverAddress?: string;
  identityToken?: string;
  registryToken?: string;
}

export interface CriVersion {
  version: string;
  runtimeName: string;
  runtimeVersion: string;
  runtimeApiVersion: string;
}

export interface CriRuntimeConfig {
  /** 0 is systemd, 1 is cgroupfs. */
  linux?: { cgroupDriver: number } | null;
}

export interface CriRuntimeStatus {
  status: { conditions: { type: string; status: boolean; reason: string; message: string }[] };
  runtimeHandlers: {
    name: string;
    features: { recursiveReadOnlyMounts: boolean; userNamespaces: boolean } | null;
  }[];
  features: { supplementalGroupsPolicy: boolean; userNamespacesHostNetwork: boolean } | null;
  /** JSON texts, only when asked for. */
  info?: Record<string, string>;
}

export interface CriFilesystemUsage {
  timestamp: number;
  fsId: { mountpoint: string } | null;
  usedBytes: { value: number } | null;
  inodesUsed: { value: number } | null;
}

interface CriValue {
  value: number;
}

export interface CriContainerStats {
  attributes: { id: string; metadata: { name: string; attempt: number }; labels: Record<string, string> };
  cpu: { timestamp: number; usageCoreNanoSeconds: CriValue | null; usageNanoCores: CriValue | null } | null;
  memory: {
    timestamp: number;
    workingSetBytes: CriValue | null;
    usageBytes: CriValue | null;
    rssBytes: CriValue | null;
    pageFaults: CriValue | null;
    majorPageFaults: CriValue | null;
    availableBytes: CriValue | null;
  } | null;
  writableLayer: CriFilesystemUsage | null;
}

export interface CriNetworkInterfaceUsage {
  name: string;
  rxBytes: CriValue | null;
  rxErrors: CriValue | null;
  txBytes: CriValue | null;
  txErrors: CriValue | null;
}

export interface CriSandboxStats {
  attributes: { id: string; metadata: CriSandboxMetadata; labels: Record<string, string> };
  linux: {
    cpu: CriContainerStats['cpu'];
    memory: CriContainerStats['memory'];
    network: {
      timestamp: number;
      defaultInterface: CriNetworkInterfaceUsage | null;
      interfaces: CriNetworkInterfaceUsage[];
    } | null;
    process: { timestamp: number; processCount: CriValue | null } | null;
    containers: CriContainerStats[];
  } | null;
}

export interface RuntimeEvent {
  kind: 'connected' | 'created' | 'started' | 'stopped' | 'deleted' | 'outOfMemory';
  /** Container or sandbox id. */
  id: string;
}
