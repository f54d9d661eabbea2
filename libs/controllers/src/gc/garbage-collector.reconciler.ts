import {
  type GroupVersionResource,
  isConflict,
  isNotFound,
  type KubeObject,
  type OwnerReference,
  parseGroupVersion,
  reasonOf,
} from '#apimachinery';
import { ControlLoop, type Informer, SharedInformers } from '#client';
import { allResources, findKind } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { DependencyGraph, FOREGROUND_FINALIZER, type GraphNode, ORPHAN_FINALIZER } from './dependency-graph.js';

/** Owners that the server has said are gone; uids never come back. */
const ABSENT_OWNERS = 500;

export function garbageCollector(context: ControllerContext): Controller {
  return new GarbageCollector(runtimeFor(context, 'generic-garbage-collector'));
}

interface Classified {
  solid: OwnerReference[];
  dangling: OwnerReference[];
  /** Owners in foreground deletion. */
  waiting: OwnerReference[];
}

/** Deletes what its owners left behind; carries out foreground and orphan deletion. */
class GarbageCollector implements Controller {
  readonly name = 'garbage-collector-controller';
  private readonly graph = new DependencyGraph();
  private readonly absent = new Set<string>();
  private readonly own: SharedInformers;
  private readonly informers: Informer[];
  private readonly check: ControlLoop;
  private readonly orphan: ControlLoop;
  private ready = false;

  /** To be made after all other control loops: it uses their informers, and light ones for everything else. */
  constructor(private readonly runtime: ControllerRuntime) {
    const { client, informers, clock, random, logger } = runtime;
    this.own = new SharedInformers(client, { clock, random, logger });
    this.informers = watchedResources().map(
      (gvr) => informers.existing(gvr) ?? this.own.for(gvr, { transform: metadataOnly }),
    );
    const options = { clock, logger, concurrency: 20 };
    this.check = new ControlLoop({ name: this.name, ...options, reconcile: (uid) => this.checkObject(uid) });
    this.orphan = new ControlLoop({ name: this.name, ...options, reconcile: (uid) => this.orphanDependents(uid) });
    for (const informer of this.informers) {
      informer.addHandler({
        add: (object) => this.changed(object),
        update: (_old, object) => this.changed(object),
        delete: (object) => this.removed(object.metadata.uid!),
      });
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    this.own.start(signal);
    await Promise.all(this.informers.map((informer) => informer.whenSynced(signal)));
    this.ready = true;
    for (const node of this.graph.nodes()) {
      if (node.orphaning) this.orphan.add(node.uid);
      else if (node.deletingDependents) {
        this.check.add(node.uid);
        for (const dependent of this.graph.dependentsOf(node.uid)) this.check.add(dependent.uid);
      } else if (this.graph.hasDoubtfulOwner(node)) this.check.add(node.uid);
    }
    await Promise.all([this.check.run(signal), this.orphan.run(signal)]);
  }

  private changed(object: KubeObject): void {
    const { check, orphan } = this.graph.set(object);
    // While the first lists come in, owners are unknown all the time: `run` looks at everything once they are there.
    if (!this.ready) return;
    for (const uid of check) this.check.add(uid);
    for (const uid of orphan) this.orphan.add(uid);
  }

  private removed(uid: string): void {
    const { check } = this.graph.remove(uid);
    if (this.ready) for (const next of check) this.check.add(next);
  }

  private async checkObject(uid: string): Promise<undefined> {
    const node = this.graph.get(uid);
    if (!node || (node.deleting && !node.deletingDependents)) return;
    if (node.deletingDependents) return this.continueForeground(node);
    if (node.owners.length === 0) return;
    const latest = await this.live(node);
    if (!latest) {
      this.removed(uid);
      return;
    }
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
      await this.delete(node, latest, 'Foreground');
      return;
    }
    const finalizers = latest.metadata.finalizers ?? [];
    const policy = finalizers.includes(ORPHAN_FINALIZER)
      ? 'Orphan'
      : finalizers.includes(FOREGROUND_FINALIZER)
        ? 'Foreground'
        : 'Background';
    await this.delete(node, latest, policy);
  }

  private async continueForeground(node: GraphNode): Promise<undefined> {
    const blocking = this.graph.blockingDependentsOf(node.uid);
    if (blocking.length === 0) {
      await this.removeFinalizer(node, FOREGROUND_FINALIZER);
      return;
    }
    for (const dependent of blocking) if (!dependent.deletingDependents) this.check.add(dependent.uid);
  }

  private async orphanDependents(uid: string): Promise<undefined> {
    const node = this.graph.get(uid);
    if (!node?.orphaning) return;
    await Promise.all(
      this.graph.dependentsOf(uid).map(async (dependent) => {
        try {
          await this.removeOwners(dependent, undefined, [uid]);
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    );
    await this.removeFinalizer(node, ORPHAN_FINALIZER);
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
    const kind = resourceOf(owner.apiVersion, owner.kind);
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

  /** The object as the server has it now; undefined when it is gone. */
  private async live(node: GraphNode): Promise<KubeObject | undefined> {
    try {
      const { gvr } = resourceOf(node.apiVersion, node.kind);
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
  ): Promise<void> {
    const { gvr } = resourceOf(node.apiVersion, node.kind);
    const { uid, resourceVersion } = latest.metadata;
    try {
      await this.runtime.client.delete(gvr, node.namespace, node.name, {
        propagationPolicy,
        preconditions: { uid, resourceVersion },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.removed(node.uid);
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
    const { gvr } = resourceOf(node.apiVersion, node.kind);
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

  private async removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const { gvr } = resourceOf(node.apiVersion, node.kind);
    for (let attempt = 0; ; attempt++) {
      const latest = await this.live(node);
      if (!latest) return this.removed(node.uid);
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

/** Everything that can be deleted and watched, once for each stored object. Events own nothing and come in masses. */
function watchedResources(): GroupVersionResource[] {
  const seen = new Set(['events']);
  const result: GroupVersionResource[] = [];
  for (const { group, version, plural, verbs, storageResource } of allResources()) {
    if (seen.has(storageResource) || !['delete', 'list', 'watch'].every((verb) => verbs.includes(verb))) continue;
    seen.add(storageResource);
    result.push({ group, version, resource: plural });
  }
  return result;
}

function resourceOf(apiVersion: string, kind: string): { gvr: GroupVersionResource; namespaced: boolean } {
  const gv = parseGroupVersion(apiVersion);
  const definition = gv && findKind(gv.group, gv.version, kind);
  if (!definition) throw new Error(`unable to get REST mapping for ${apiVersion}/${kind}`);
  const { group, version, plural, namespaced } = definition;
  return { gvr: { group, version, resource: plural }, namespaced };
}

/** What the graph needs of an object. */
function metadataOnly(object: KubeObject): KubeObject {
  const { namespace, name, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = object.metadata;
  const metadata = { namespace, name, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp };
  return { apiVersion: object.apiVersion, kind: object.kind, metadata };
}
