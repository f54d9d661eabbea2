import type { Client, Clock, Informer } from '#client';
import {
  gvr,
  isFullyBound,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  reachableFrom,
  SELECTED_NODE,
  type StorageClass,
} from '#kinds';
import { type NodeVolumes, Reason, volumeRules, volumesOn } from './node-volumes.js';
import { hasClaims, type PodClaims, podClaims } from './pod-claims.js';
import { VolumeView } from './volume-view.js';

/** How long a pod waits for its volumes once it has a node: kube-scheduler's `bindTimeoutSeconds`. */
const BIND_TIMEOUT = 600_000;

export interface VolumeBinderOptions {
  client: Client;
  clock: Clock;
  claims: Informer<PersistentVolumeClaim>;
  volumes: Informer<PersistentVolume>;
  classes: Informer<StorageClass>;
  nodes: Informer<Node>;
  /** Numbers, as the native side knows them, of other pods that have a node and use the claim. */
  otherUsers(claimKey: string, pod: Pod): number[];
}

export type VolumeVerdict =
  /** No node will do. */
  | { why: string }
  /** For the native side. */
  | { rules: string | undefined };

/** Decides about the volumes of pods, and writes what was decided. */
export class VolumeBinder {
  private readonly view: VolumeView;
  /** Of pods that wait for volumes: called when anything of volumes or of pods has happened. */
  private readonly waiting = new Set<() => void>();

  constructor(private readonly options: VolumeBinderOptions) {
    this.view = new VolumeView(options.claims, options.volumes, options.classes);
  }

  /** Undefined for a pod without claims. */
  verdict(pod: Pod): VolumeVerdict | undefined {
    if (!hasClaims(pod)) return undefined;
    const claims = podClaims(pod, this.view);
    if (typeof claims === 'string') return { why: claims };
    const exclusive = [...claims.bound, ...claims.delayed].filter(isExclusive);
    const users = exclusive.flatMap((claim) => this.options.otherUsers(keyOf(claim), pod));
    const used = users.length > 0 ? Reason.InUse : 0;
    const reasons = new Map<string, number>();
    const candidates = this.view.candidates(claims.delayed);
    for (const node of this.options.nodes.list()) {
      const found = volumesOn(node, claims, candidates);
      reasons.set(node.metadata.name!, used | (typeof found === 'number' ? found : 0));
    }
    return { rules: volumeRules(reasons, users) };
  }

  /**
   * What the pod needs on its node; others do not get it any more. Undefined when nothing is to be written. Throws when the
   * node can no longer give it.
   */
  assume(pod: Pod, nodeName: string): NodeVolumes | undefined {
    if (!hasClaims(pod)) return undefined;
    const claims = podClaims(pod, this.view);
    const node = this.options.nodes.getByKey(nodeName);
    const found = typeof claims === 'string' || !node ? undefined : volumesOn(node, claims, this.view);
    if (found === undefined || typeof found === 'number') throw new Error('the volumes of the pod have changed');
    if ((claims as PodClaims).delayed.length === 0) return undefined;
    for (const volume of found.volumes) this.view.assumeVolume(volume);
    for (const claim of found.provisioned) this.view.assumeClaim(claim);
    return found;
  }

  /** Writes what was assumed and waits until the claims are bound. `stopped`: the pod or the scheduler is gone. */
  async bind(found: NodeVolumes, nodeName: string, stopped: () => boolean): Promise<void> {
    const { client, clock } = this.options;
    try {
      for (const volume of found.volumes) await client.update(gvr.persistentvolumes, '', volume);
      for (const claim of found.provisioned) {
        await client.update(gvr.persistentvolumeclaims, claim.metadata.namespace!, claim);
      }
      const end = clock.now() + BIND_TIMEOUT;
      const selected = new Set(found.provisioned.map(keyOf));
      while (!this.isBound(found, selected, nodeName)) {
        if (stopped()) throw new Error('pod does not exist any more');
        const left = end - clock.now();
        if (left <= 0) throw new Error('binding volumes: context deadline exceeded');
        await this.happening(left);
      }
    } finally {
      this.view.forget(found.provisioned, found.volumes);
    }
  }

  /** Pods that have a node and wait until their claims are bound. */
  get pods(): number {
    return this.waiting.size;
  }

  /** Something happened to claims, volumes or pods: those that wait look again. */
  happened(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private happening(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        this.waiting.delete(wake);
        resolve();
      };
      const timer = this.options.clock.setTimeout(wake, ms);
      this.waiting.add(wake);
    });
  }

  /** Throws when a claim will not be bound for this node. */
  private isBound({ matched, provisioned }: NodeVolumes, selected: ReadonlySet<string>, nodeName: string): boolean {
    const node = this.options.nodes.getByKey(nodeName);
    if (!node) throw new Error(`binding volumes: failed to get node ${JSON.stringify(nodeName)}`);
    let bound = true;
    for (const { metadata } of [...matched, ...provisioned]) {
      const { namespace = '', name = '' } = metadata;
      const claim = this.view.claim(namespace, name);
      if (!claim || claim.metadata.uid !== metadata.uid) {
        throw new Error(`binding volumes: persistentvolumeclaim ${JSON.stringify(name)} not found`);
      }
      const { annotations } = claim.metadata;
      if (selected.has(keyOf(claim)) && annotations?.[SELECTED_NODE] !== nodeName) {
        throw new Error(`binding volumes: provisioning failed for PVC ${JSON.stringify(name)}`);
      }
      const volume = claim.spec.volumeName ? this.view.volume(claim.spec.volumeName) : undefined;
      if (volume && !reachableFrom(volume, node)) {
        const [shown, where] = [JSON.stringify(volume.metadata.name), JSON.stringify(nodeName)];
        throw new Error(
          `binding volumes: pv ${shown} node affinity doesn't match node ${where}: no matching NodeSelectorTerms`,
        );
      }
      bound &&= volume !== undefined && isFullyBound(claim);
    }
    return bound;
  }
}

function isExclusive({ spec }: PersistentVolumeClaim): boolean {
  return spec.accessModes?.includes('ReadWriteOncePod') === true;
}

function keyOf({ metadata }: PersistentVolumeClaim): string {
  return `${metadata.namespace}/${metadata.name}`;
}
