import type { Client, Logger } from '#client';
import type { ObservedPod } from '../observe/observed-pod.js';
import type { Pod } from '../pod/pod.js';
import type { CriRuntime } from '../runtime/cri.js';
import type { LocalPathFolders } from '../volumes/local-path-folders.js';
import type { VolumeScrubber } from '../volumes/volume-scrubber.js';

/** The calls that the node server makes to the runtime. */
export type ServerRuntime = Pick<
  CriRuntime,
  | 'exec'
  | 'attach'
  | 'portForward'
  | 'execSync'
  | 'containerStatus'
  | 'listContainerStats'
  | 'listPodSandboxStats'
  | 'imageFilesystems'
>;

/** What the rest of the agent knows of this node's pods. */
export interface NodePods {
  /** Pods bound to this node, each with its status as the agent last computed it (the API's may be behind). */
  list(): readonly Pod[];
  find(namespace: string, name: string): Pod | undefined;
  /** What the runtime last said of the pod. */
  observed(uid: string): ObservedPod | undefined;
  /** Calls `listener` after each change that the runtime tells of the pod; the result ends that. */
  onObserved(uid: string, listener: () => void): () => void;
}

export interface NodeServerOptions {
  nodeName: string;
  /** Default: all addresses. */
  address?: string;
  /** 0 takes a free one. */
  port: number;
  /** PEM files; read again when they change. */
  tls: { certificateFile: string; keyFile: string; clientCaFile: string };
  cri: ServerRuntime;
  pods: NodePods;
  /** For TokenReviews and SubjectAccessReviews. */
  client: Client;
  logger: Logger;
  /** A folder on the filesystem that pods' volumes are on; the root when absent. */
  dataDirectory?: string;
  /** Served below `/logs/`. Default: `/var/log`. */
  nodeLogDirectory?: string;
  /** Folders of local-path volumes; absent: this node has none. */
  folders?: Pick<LocalPathFolders, 'create' | 'delete' | 'deleteEmpty' | 'limit' | 'list'>;
  /** Empties volumes that are recycled; absent: this node has none. */
  scrubber?: Pick<VolumeScrubber, 'scrub'>;
  /** Where a volume of a pod lies that is of a claim; absent: claims are not measured. */
  claimFolder?: (uid: string, volume: string) => string;
  /** The agent's own metrics, Prometheus text; added to `/metrics`. */
  metrics?: () => string | Promise<string>;
  /** What `/configz` shows below `kubeletconfig`. */
  configuration?: () => Record<string, unknown>;
  /** Why the agent is not healthy; undefined when it is. */
  unhealthy?: () => string | undefined;
  now?: () => number;
}

export interface NodeServer {
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}
