import { appendAll, isNotFound } from '#apimachinery';
import type { Informer, Requeue } from '#client';
import { gvr, type Node, type PersistentVolume, type PersistentVolumeClaim } from '#kinds';
import type { ControllerRuntime, NodeFolderError, NodeFolders } from '../context.js';
import { claimOfFolder } from './local-path.plan.js';
import type { LocalPathSettings } from './local-path-settings.js';

/** Nodes that do not answer are asked so often, and no more until another process provisions. */
const TRIES = 5;
const RETRY_MS = 30_000;

/**
 * Deletes empty folders of claims that are gone and have no volume. The provisioner knows such a claim as long as it runs; one
 * that was killed told nobody. So each process asks every node once.
 */
export class LocalPathSweeper {
  private readonly nodes: Informer<Node>;
  private readonly volumes: Informer<PersistentVolume>;
  /** Times that a node was asked in vain, by its uid; Infinity: there is nothing more to ask. */
  private readonly asked = new Map<string, number>();

  constructor(
    private readonly runtime: ControllerRuntime,
    private readonly folders: NodeFolders,
    private readonly settings: LocalPathSettings,
  ) {
    this.nodes = runtime.informers.for(gvr.nodes);
    this.volumes = runtime.informers.for(gvr.persistentvolumes);
  }

  wants({ metadata, status }: Node): boolean {
    const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
    return ready && (this.asked.get(metadata.uid!) ?? 0) < TRIES;
  }

  forget({ metadata }: Node): void {
    this.asked.delete(metadata.uid!);
  }

  async sweep(name: string): Promise<Requeue | undefined> {
    const node = this.nodes.getByKey(name);
    if (!node || !this.wants(node)) return undefined;
    const uid = node.metadata.uid!;
    try {
      const stuck: Error[] = [];
      for (const root of [undefined, ...this.settings.known(name)]) appendAll(stuck, await this.sweepRoot(name, root));
      if (stuck[0]) throw stuck[0];
      this.asked.set(uid, Number.POSITIVE_INFINITY);
      return undefined;
    } catch (error) {
      this.asked.set(uid, (this.asked.get(uid) ?? 0) + 1);
      this.runtime.logger.warn('folders of volumes not looked through', {
        node: name,
        error: (error as Error).message,
      });
      return { requeueAfter: RETRY_MS };
    }
  }

  /** Gives what keeps folders from going: one in which something is mounted, say, holds up no other. */
  private async sweepRoot(node: string, root: string | undefined): Promise<Error[]> {
    const stuck: Error[] = [];
    for (const folder of await this.folders.list(node, root).catch(noneIfRefused)) {
      if (!(await this.isAbandoned(folder))) continue;
      await this.folders.deleteEmpty({ node, folder, root }).catch((error: Error) => stuck.push(error));
    }
    return stuck;
  }

  /** In this order: who provisions the claim meanwhile makes the volume while the claim is there. */
  private async isAbandoned(folder: string): Promise<boolean> {
    const claim = claimOfFolder(folder);
    // Nearly all folders have their volume: it is found without a look at all others, or a request.
    if (!claim || this.volumes.getByKey(claim.volume)) return false;
    // A volume of an administrator may have what another one left.
    const named = ({ spec }: PersistentVolume) => (spec.local ?? spec.hostPath)?.path.endsWith(`/${folder}`) === true;
    if (this.volumes.list().some(named)) return false;
    const { client } = this.runtime;
    const found = await orMissing(
      client.get<PersistentVolumeClaim>(gvr.persistentvolumeclaims, claim.namespace, claim.name),
    );
    if (found?.metadata.uid === claim.uid) return false;
    return (await orMissing(client.get<PersistentVolume>(gvr.persistentvolumes, '', claim.volume))) === undefined;
  }
}

/** Of a folder that is no place for volumes. */
function noneIfRefused(error: NodeFolderError): string[] {
  if (error.refused) return [];
  throw error;
}

async function orMissing<T>(get: Promise<T>): Promise<T | undefined> {
  return get.catch((error) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}
