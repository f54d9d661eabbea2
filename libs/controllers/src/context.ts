import {
  ApiEventRecorder,
  type Client,
  type Clock,
  type EventRecorder,
  type Logger,
  type ServedResources,
  type SharedInformers,
} from '#client';
import type { MetricsRegistry, Tracer } from '#telemetry';

/** What a node's agent said. `refused`: it says so each time, because nothing of ours can be in such a place. */
export interface NodeFolderError extends Error {
  refused?: boolean;
}

/** A folder for a volume: its name in `root`, by default in the agent's own folder for them. */
export interface NodeFolder {
  node: string;
  folder: string;
  root?: string;
}

/** Folders for volumes on the disks of nodes; each node's agent makes and deletes them. Errors are NodeFolderErrors. */
export interface NodeFolders {
  /**
   * Makes the folder, or finds it there. Gives its path on the node, and whether the node's file system lets it hold no more
   * than these bytes.
   */
  create(folder: NodeFolder, bytes: number): Promise<{ path: string; limited: boolean }>;
  /** Lets a folder that is there hold another number of bytes. */
  limit(folder: NodeFolder, bytes: number): Promise<void>;
  /** Deletes the folder with all that is in it; a missing one is fine. Throws while a pod has it. */
  delete(folder: NodeFolder): Promise<void>;
  /** Deletes the folder if nothing is in it. */
  deleteEmpty(folder: NodeFolder): Promise<void>;
  /** Names of the folders in `root` that have the names of volumes. */
  list(node: string, root?: string): Promise<string[]>;
  /** Empties the folder at this path of the node, which stays; a missing one is fine. Throws while a pod has it. */
  scrub(node: string, path: string): Promise<void>;
}

/** Of a process that has no way to the nodes. */
export const NO_FOLDERS: NodeFolders = {
  create: unreachable,
  limit: unreachable,
  delete: unreachable,
  deleteEmpty: unreachable,
  list: unreachable,
  scrub: unreachable,
};

async function unreachable(): Promise<never> {
  throw new Error('this process does not reach the agents of nodes');
}

/** What a certificate request asks to be called. */
export interface RequestedNames {
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  ipAddresses: string[];
  emailAddresses: string[];
  uris: string[];
}

export interface RequestedValidity {
  notBefore: Date;
  /** The authority's own end comes first where it is earlier. */
  notAfter: Date;
  now: Date;
}

/** Who signs certificates, without its key. Requests and certificates are PEM; errors say what is wrong. */
export interface CertificateAuthority {
  read(request: string): Promise<RequestedNames>;
  sign(request: string, usages: readonly string[], validity: RequestedValidity): Promise<string>;
}

/** Whose token it is, and the name of the Secret that holds it. */
export interface SecretToken {
  namespace: string;
  account: string;
  accountUid: string;
  secret: string;
}

/** Settings of the cluster that control loops need. */
export interface ControllerOptions {
  /** Pod network, e.g. `10.244.0.0/16`; nodes get slices of it. Empty: none are given out. */
  clusterCidr: string;
  /** Prefix length of a node's slice; default 24. */
  nodeCidrMaskSize?: number;
  serviceCidr: string;
  /** PEM of the cluster's CA: what `kube-root-ca.crt` carries. */
  rootCA: string;
  clusterDomain: string;
  /** Signs the token of a ServiceAccount for the Secret that is to hold it. Absent: Secrets get none. */
  secretToken?: (token: SecretToken) => string;
  /** Absent: nobody signs certificates. */
  certificateAuthority?: CertificateAuthority;
  /** Milliseconds without a node's Lease being renewed before it counts as unreachable; default 50 s. */
  nodeMonitorGracePeriod?: number;
  /** Absent: local-path volumes are neither made nor deleted here. */
  nodeFolders?: NodeFolders;
  /** Do Services of type LoadBalancer get the addresses of the nodes? Default: yes. */
  serviceLoadBalancers?: boolean;
  /** Finished pods kept in the cluster; default 12500. */
  terminatedPodThreshold?: number;
}

export interface ControllerContext {
  /** Each control loop acts as the ServiceAccount of its own, as upstream's do. */
  clientFor(identity: string): Client;
  informers: SharedInformers;
  /** For loops that work on objects of every kind. */
  resources: ServedResources;
  clock: Clock;
  /** 0 <= x < 1. */
  random: () => number;
  logger: Logger;
  metrics: MetricsRegistry;
  tracer: Tracer;
  options: ControllerOptions;
}

/** What one control loop works with. */
export interface ControllerRuntime {
  client: Client;
  informers: SharedInformers;
  resources: ServedResources;
  clock: Clock;
  random: () => number;
  logger: Logger;
  metrics: MetricsRegistry;
  tracer: Tracer;
  recorder: EventRecorder;
  options: ControllerOptions;
}

/**
 * A control loop. Its informers are asked for when it is made; it works from `run` until the signal fires. `run` rejects when the
 * loop cannot go on: another one, made anew, may.
 */
export interface Controller {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export type ControllerFactory = (context: ControllerContext) => Controller;

/** `account` is the ServiceAccount in kube-system; `component` is what its events name as their source. */
export function runtimeFor(context: ControllerContext, account: string, component = account): ControllerRuntime {
  const { informers, resources, clock, random, logger, metrics, tracer, options } = context;
  const client = context.clientFor(`system:serviceaccount:kube-system:${account}`);
  const recorder = new ApiEventRecorder({ client, clock, logger, component });
  return { client, informers, resources, clock, random, logger, metrics, tracer, recorder, options };
}
