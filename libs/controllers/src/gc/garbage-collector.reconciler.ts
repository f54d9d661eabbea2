import {
  type GroupVersionResource,
  isConflict,
  isNotFound,
  type KubeObject,
  type OwnerReference,
  parseGroupVersion,
  reasonOf,
} from '#apimachinery';
import type { ServedResource } from '#client';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { type ChangingSources, controller } from '../controller.js';
import {
  type Consequences,
  DependencyGraph,
  FOREGROUND_FINALIZER,
  type GraphNode,
  ORPHAN_FINALIZER,
} from './dependency-graph.js';

/** Owners that the server has said are gone; uids never come back. */
const ABSENT_OWNERS = 500;

/** To be made after all other controllers: it uses their informers, and light ones for everything else. */
export function garbageCollector(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'generic-garbage-collector');
  const collector = new GarbageCollector(runtime);
  const { informers, resources } = runtime;
  const sources: ChangingSources<KubeObject> = {
    current: () => informers.metadataOf(resources.stored().filter(isCollected).map(gvrOf)),
    onChange: (listener) => resources.onChange(listener),
  };
  return controller('garbage-collector-controller', runtime)
    .watchesEach(sources, {
      add: (object) => collector.changed(object),
      update: (_old, object) => collector.changed(object),
      delete: (object) => collector.removed(object.metadata.uid!),
    })
    .startsWith(() => collector.start())
    .workers(20)
    .reconcile((uid, wake) => collector.reconcile(uid, wake));
}

type Wake = (uid: string) => void;

interface Classified {
  solid: OwnerReference[];
  dangling: OwnerReference[];
  /** Owners in foreground deletion. */
  waiting: OwnerReference[];
}

/** Deletes what its owners left behind; carries out foreground and orphan deletion. */
class GarbageCollector {
  private readonly graph = new DependencyGraph();
  private readonly absent = new Set<string>();
  private started = false;

  constructor(private readonly runtime: ControllerRuntime) {}

  /** What to look at once the graph is whole. */
  start(): string[] {
    this.started = true;
    const uids = new Set<string>();
    for (const node of this.graph.nodes()) {
      if (node.orphaning || node.deletingDependents || this.graph.hasDoubtfulOwner(node)) uids.add(node.uid);
      if (node.deletingDependents) for (const dependent of this.graph.dependentsOf(node.uid)) uids.add(dependent.uid);
    }
    return [...uids];
  }

  changed(object: KubeObject): string[] {
    return this.toCheck(this.graph.set(object));
  }

  removed(uid: string): string[] {
    return this.toCheck(this.graph.remove(uid));
  }

  /** While the first lists come in, owners are unknown all the time: `start` looks at everything once they are there. */
  private toCheck({ check, orphan }: Consequences): string[] {
    return this.started ? [...check, ...orphan] : [];
  }

  async reconcile(uid: string, wake: Wake): Promise<undefined> {
    const node = this.graph.get(uid);
    if (!node) return;
    if (node.orphaning) await this.orphanDependents(node, wake);
    if (node.deletingDependents) return this.continueForeground(node, wake);
    if (node.deleting || node.owners.length === 0) return;
    const latest = await this.live(node);
    if (!latest) return this.forget(node, wake);
    const owners = latest.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const classified = await this.classify(node, owners);
    if (!classified) return;
    const { solid, dangling, waiting } = classified;
    if (solid.length > 0) {
      const gone = [...dangling, ...waiting].map((owner) => owner.uid);
      if (gone.length > 0) await this.removeOwners(node, latest, gone);
      return;
    }
    const dependents = this.graph.dependentsOf(uid);
    if (waiting.length > 0 && dependents.length > 0) {
      // A dependent that is itself deleting its dependents would wait for this one: a circle.
      if (dependents.some((dependent) => dependent.deletingDependents)) await this.unblockOwners(node, latest);
      await this.delete(node, latest, 'Foreground', wake);
      return;
    }
    const finalizers = latest.metadata.finalizers ?? [];
    const policy = finalizers.includes(ORPHAN_FINALIZER)
      ? 'Orphan'
      : finalizers.includes(FOREGROUND_FINALIZER)
        ? 'Foreground'
        : 'Background';
    await this.delete(node, latest, policy, wake);
  }

  /** The server says that it is gone. */
  private forget(node: GraphNode, wake: Wake): undefined {
    for (const uid of this.removed(node.uid)) wake(uid);
  }

  private async continueForeground(node: GraphNode, wake: Wake): Promise<undefined> {
    const blocking = this.graph.blockingDependentsOf(node.uid);
    if (blocking.length === 0) {
      await this.removeFinalizer(node, FOREGROUND_FINALIZER, wake);
      return;
    }
    for (const dependent of blocking) if (!dependent.deletingDependents) wake(dependent.uid);
  }

  private async orphanDependents(node: GraphNode, wake: Wake): Promise<void> {
    await Promise.all(
      this.graph.dependentsOf(node.uid).map(async (dependent) => {
        try {
          await this.removeOwners(dependent, undefined, [node.uid]);
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    );
    await this.removeFinalizer(node, ORPHAN_FINALIZER, wake);
  }

  /** Undefined when it cannot be told: the object is cluster-scoped and its owner's kind is namespaced. */
  private async classify(node: GraphNode, owners: readonly OwnerReference[]): Promise<Classified | undefined> {
    const result: Classified = { solid: [], dangling: [], waiting: [] };
    for (const owner of owners) {
      const known = this.graph.isKnownOwner(node, owner) ? this.graph.get(owner.uid) : undefined;
      if (known) {
        (known.deletingDependents ? result.waiting : result.solid).push(owner);
        continue;
      }
      const state = await this.askForOwner(node, owner);
      if (state === 'unresolvable') return undefined;
      result[state].push(owner);
    }
    return result;
  }

  private async askForOwner(node: GraphNode, owner: OwnerReference): Promise<keyof Classified | 'unresolvable'> {
    const kind = this.resourceOf(owner.apiVersion, owner.kind);
    const namespace = kind.namespaced ? node.namespace : '';
    const key = [owner.uid, owner.apiVersion, owner.kind, namespace, owner.name].join('|');
    if (this.absent.has(key)) return 'dangling';
    if (kind.namespaced && node.namespace === '') {
      this.reportInvalidOwner(node, owner);
      return 'unresolvable';
    }
    try {
      const { metadata } = await this.runtime.client.get(kind.gvr, namespace, owner.name);
      if (metadata.uid === owner.uid) {
        const foreground = (metadata.finalizers ?? []).includes(FOREGROUND_FINALIZER);
        return metadata.deletionTimestamp !== undefined && foreground ? 'waiting' : 'solid';
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // The resource may have gone since: that says nothing of the owner.
      this.resourceOf(owner.apiVersion, owner.kind);
    }
    const elsewhere = this.graph.get(owner.uid);
    if (elsewhere && elsewhere.namespace !== '' && elsewhere.namespace !== node.namespace) {
      this.reportInvalidOwner(node, owner);
    }
    this.absent.add(key);
    if (this.absent.size > ABSENT_OWNERS) this.absent.delete(this.absent.values().next().value!);
    return 'dangling';
  }

  private reportInvalidOwner(node: GraphNode, owner: OwnerReference): void {
    const { apiVersion, kind, name, uid } = owner;
    const reference = `[${apiVersion}/${kind}, namespace: ${node.namespace}, name: ${name}, uid: ${uid}]`;
    const message = `ownerRef ${reference} does not exist in namespace "${node.namespace}"`;
    const subject: KubeObject = {
      apiVersion: node.apiVersion,
      kind: node.kind,
      metadata: { namespace: node.namespace, name: node.name, uid: node.uid },
    };
    this.runtime.recorder.event(subject, 'Warning', 'OwnerRefInvalidNamespace', message);
  }

  private resourceOf(apiVersion: string, kind: string): { gvr: GroupVersionResource; namespaced: boolean } {
    const gv = parseGroupVersion(apiVersion);
    const served = gv && this.runtime.resources.findKind(gv.group, gv.version, kind);
    if (!served) throw new Error(`unable to get REST mapping for ${apiVersion}/${kind}`);
    return { gvr: gvrOf(served), namespaced: served.namespaced };
  }

  /** The object as the server has it now; undefined when it is gone. */
  private async live(node: GraphNode): Promise<KubeObject | undefined> {
    try {
      const { gvr } = this.resourceOf(node.apiVersion, node.kind);
      const object = await this.runtime.client.get(gvr, node.namespace, node.name);
      return object.metadata.uid === node.uid ? object : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  private async delete(
    node: GraphNode,
    latest: KubeObject,
    propagationPolicy: 'Orphan' | 'Foreground' | 'Background',
    wake: Wake,
  ): Promise<void> {
    const { gvr } = this.resourceOf(node.apiVersion, node.kind);
    const { uid, resourceVersion } = latest.metadata;
    try {
      await this.runtime.client.delete(gvr, node.namespace, node.name, {
        propagationPolicy,
        preconditions: { uid, resourceVersion },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.forget(node, wake);
    }
  }

  private async removeOwners(node: GraphNode, latest: KubeObject | undefined, uids: readonly string[]): Promise<void> {
    await this.patchOwners(
      node,
      latest,
      uids.map((uid) => ({ $patch: 'delete', uid })),
      (owners) => owners.filter((owner) => !uids.includes(owner.uid)),
    );
  }

  private async unblockOwners(node: GraphNode, latest: KubeObject): Promise<void> {
    const unblock = (owner: OwnerReference) => ({ ...owner, blockOwnerDeletion: false });
    const blocking = (latest.metadata.ownerReferences ?? []).filter((owner) => owner.blockOwnerDeletion);
    if (blocking.length === 0) return;
    await this.patchOwners(node, latest, blocking.map(unblock), (owners) => owners.map(unblock));
  }

  /** A strategic patch where the resource has merge keys; custom resources get the whole list, guarded by revision. */
  private async patchOwners(
    node: GraphNode,
    latest: KubeObject | undefined,
    strategic: unknown[],
    merge: (owners: OwnerReference[]) => OwnerReference[],
  ): Promise<void> {
    const { client } = this.runtime;
    const { gvr } = this.resourceOf(node.apiVersion, node.kind);
    const patch = { metadata: { uid: node.uid, ownerReferences: strategic } };
    try {
      await client.patch(gvr, node.namespace, node.name, 'application/strategic-merge-patch+json', patch);
    } catch (error) {
      if (reasonOf(error) !== 'UnsupportedMediaType') throw error;
      const { metadata } = latest ?? (await client.get(gvr, node.namespace, node.name));
      const ownerReferences = merge(metadata.ownerReferences ?? []);
      await client.patch(gvr, node.namespace, node.name, 'application/merge-patch+json', {
        metadata: { uid: node.uid, resourceVersion: metadata.resourceVersion, ownerReferences },
      });
    }
  }

  private async removeFinalizer(node: GraphNode, finalizer: string, wake: Wake): Promise<void> {
    const { gvr } = this.resourceOf(node.apiVersion, node.kind);
    for (let attempt = 0; ; attempt++) {
      const latest = await this.live(node);
      if (!latest) return this.forget(node, wake);
      const { finalizers = [], resourceVersion, uid } = latest.metadata;
      if (!finalizers.includes(finalizer)) return;
      const rest = finalizers.filter((candidate) => candidate !== finalizer);
      const patch = { metadata: { uid, resourceVersion, finalizers: rest } };
      try {
        await this.runtime.client.patch(gvr, node.namespace, node.name, 'application/merge-patch+json', patch);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isConflict(error) || attempt >= 5) throw error;
      }
    }
  }
}

/** What can be deleted and watched. Events own nothing and come in masses. */
function isCollected({ plural, group, verbs }: ServedResource): boolean {
  const isEvent = plural === 'events' && (group === '' || group === 'events.k8s.io');
  return !isEvent && ['delete', 'list', 'watch'].every((verb) => verbs.includes(verb));
}

function gvrOf({ group, version, plural }: ServedResource): GroupVersionResource {
  return { group, version, resource: plural };
}
