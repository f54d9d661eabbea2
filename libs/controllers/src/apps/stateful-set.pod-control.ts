import { hasCause, isAlreadyExists, isNotFound, type KubeObject } from '#apimachinery';
import { type ControllerRevision, gvr, type PersistentVolumeClaim, type Pod, type StatefulSet } from '#kinds';
import type { ControllerRuntime } from '../context.js';
import { buildClaims, claimsOf, hasOtherController, ownersFor } from './stateful-set.claims.js';
import { hasIdentity, hasStorage, ordinalOf } from './stateful-set.identity.js';
import { buildStatefulPod, repairedPod, templateOf } from './stateful-set.pod.js';

/** Makes, repairs and deletes the pods and claims of one StatefulSet, and says so in its events. */
export class StatefulPodControl {
  constructor(
    private readonly runtime: Pick<ControllerRuntime, 'client' | 'recorder'>,
    private readonly set: StatefulSet,
    private readonly claimOf: (name: string) => PersistentVolumeClaim | undefined,
    private readonly wrote: (pod: Pod) => void,
  ) {}

  async create(ordinal: number, revision: ControllerRevision): Promise<void> {
    const pod = buildStatefulPod(this.set, ordinal, templateOf(revision), revision.metadata.name!);
    await this.told('Create', pod, async () => {
      await this.ensureClaims(ordinal);
      const created = await this.runtime.client.create<Pod>(gvr.pods, this.namespace, pod);
      this.wrote(created);
      await this.ownClaims(created);
    });
  }

  async remove(pod: Pod): Promise<void> {
    await this.told('Delete', pod, async () => {
      const preconditions = { uid: pod.metadata.uid! };
      try {
        await this.runtime.client.delete(gvr.pods, this.namespace, pod.metadata.name!, { preconditions });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    });
  }

  async repair(pod: Pod): Promise<void> {
    await this.told('Update', pod, async () => {
      if (!hasStorage(this.set, pod)) await this.ensureClaims(ordinalOf(this.set, pod)!);
      await this.ownClaims(pod);
      if (hasIdentity(this.set, pod) && hasStorage(this.set, pod)) return;
      this.wrote(await this.runtime.client.update<Pod>(gvr.pods, this.namespace, repairedPod(this.set, pod)));
    });
  }

  /** Makes the claims of the ordinal that are missing. With `pod`, also their owners are seen to. */
  async ensureClaims(ordinal: number, pod?: Pod): Promise<void> {
    const { name } = this.set.metadata;
    const podName = `${name}-${ordinal}`;
    for (const claim of buildClaims(this.set, ordinal)) {
      const claimName = claim.metadata.name!;
      const known = this.claimOf(claimName);
      if (known?.metadata.deletionTimestamp !== undefined) throw new Error(`pvc ${claimName} is being deleted`);
      if (known) continue;
      try {
        await this.runtime.client.create<KubeObject>(gvr.persistentvolumeclaims, this.namespace, claim as KubeObject);
        const message = `Create Claim ${claimName} Pod ${podName} in StatefulSet ${name} success`;
        this.event('Normal', 'SuccessfulCreate', message);
      } catch (error) {
        if (isAlreadyExists(error)) continue;
        const cause = (error as Error).message;
        const message = `Create Claim ${claimName} for Pod ${podName} in StatefulSet ${name} failed error: ${cause}`;
        this.event('Warning', 'FailedCreate', message);
        throw error;
      }
    }
    if (pod) await this.ownClaims(pod);
  }

  /** Gives the pod's claims the owners that the retention policy asks for. */
  async ownClaims(pod: Pod): Promise<void> {
    for (const claim of claimsOf(this.set, pod, this.claimOf)) {
      if (hasOtherController(claim, this.set, pod)) {
        const message = `PersistentVolumeClaim ${claim.metadata.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
        this.event('Warning', 'ConflictingController', message);
      }
      const ownerReferences = ownersFor(claim, this.set, pod);
      if (ownerReferences === undefined) continue;
      const changed = { ...claim, metadata: { ...claim.metadata, ownerReferences } } as KubeObject;
      await this.runtime.client.update(gvr.persistentvolumeclaims, this.namespace, changed);
    }
  }

  private get namespace(): string {
    return this.set.metadata.namespace!;
  }

  private async told(verb: 'Create' | 'Update' | 'Delete', pod: Pod, action: () => Promise<void>): Promise<void> {
    const what = `${verb} Pod ${pod.metadata.name} in StatefulSet ${this.set.metadata.name}`;
    try {
      await action();
      this.event('Normal', `Successful${verb}`, `${what} successful`);
    } catch (error) {
      if (!hasCause(error, 'NamespaceTerminating') && !isAlreadyExists(error)) {
        this.event('Warning', `Failed${verb}`, `${what} failed error: ${(error as Error).message}`);
      }
      throw error;
    }
  }

  private event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.runtime.recorder.event(this.set, type, reason, message);
  }
}
