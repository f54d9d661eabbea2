import { join } from 'node:path';
import { FileTree } from '#files';
import type { Pod } from './pod.js';

/** Where things of a pod lie. The layout below `root` and below `logs` is kubelet's. */
export class PodPaths {
  /** The door to all that lies below `root`: containers change what is in it. */
  readonly files: FileTree;
  /** The same for `logs`. */
  readonly logFiles: FileTree;

  constructor(
    /** `<data dir>/agent` */
    readonly root: string,
    /** `/var/log/pods` */
    readonly logs: string,
  ) {
    this.files = new FileTree(root);
    this.logFiles = new FileTree(logs);
  }

  get pods(): string {
    return join(this.root, 'pods');
  }

  pod(uid: string): string {
    return join(this.pods, uid);
  }

  volumes(uid: string): string {
    return join(this.pod(uid), 'volumes');
  }

  /** `plugin` as in `kubernetes.io/empty-dir`. */
  volume(uid: string, plugin: string, name: string): string {
    return join(this.volumes(uid), plugin.replace('/', '~'), name);
  }

  /** Kubelet's mark that the volume was made ready once. */
  readyMark(uid: string, plugin: string, name: string): string {
    return join(this.plugins(uid), plugin.replace('/', '~'), name, 'ready');
  }

  /** What plugins remember of the pod's volumes. */
  plugins(uid: string): string {
    return join(this.pod(uid), 'plugins');
  }

  subPaths(uid: string): string {
    return join(this.pod(uid), 'volume-subpaths');
  }

  etcHosts(uid: string): string {
    return join(this.pod(uid), 'etc-hosts');
  }

  container(uid: string, name: string): string {
    return join(this.pod(uid), 'containers', name);
  }

  subPath(uid: string, volume: string, container: string, index: number): string {
    return join(this.subPaths(uid), volume, container, String(index));
  }

  logDirectory(pod: Pod): string {
    const { namespace, name, uid } = pod.metadata;
    return join(this.logs, `${namespace}_${name}_${uid}`);
  }

  /** Relative to the log directory. */
  containerLog(name: string, restartCount: number): string {
    return join(name, `${restartCount}.log`);
  }
}
