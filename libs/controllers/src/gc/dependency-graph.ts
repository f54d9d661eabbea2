import { appendAll, groupOf, type KubeObject, type OwnerReference } from '#apimachinery';

/** Who owns whom, as far as the informers have told. Pure bookkeeping: what to look at next is what it answers. */

export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

export interface GraphNode {
  readonly uid: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  owners: readonly OwnerReference[];
  deleting: boolean;
  /** Waits for its dependents to be deleted (foreground). */
  deletingDependents: boolean;
  orphaning: boolean;
}

/** Uids to look at after a change. */
export interface Consequences {
  /** Objects that may have to be deleted, or that may go on being deleted. */
  check: string[];
  /** Objects whose dependents must be set free. */
  orphan: string[];
}

export class DependencyGraph {
  private readonly byUid = new Map<string, GraphNode>();
  private readonly dependents = new Map<string, Set<string>>();

  get(uid: string): GraphNode | undefined {
    return this.byUid.get(uid);
  }

  get size(): number {
    return this.byUid.size;
  }

  nodes(): Iterable<GraphNode> {
    return this.byUid.values();
  }

  dependentsOf(uid: string): GraphNode[] {
    return [...(this.dependents.get(uid) ?? [])].map((dependent) => this.byUid.get(dependent)!);
  }

  /** Dependents that the owner's foreground deletion waits for. */
  blockingDependentsOf(uid: string): GraphNode[] {
    return this.dependentsOf(uid).filter((node) =>
      node.owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion),
    );
  }

  /** An object was added or changed. */
  set(object: KubeObject): Consequences {
    const { uid, namespace, name, ownerReferences, deletionTimestamp, finalizers } = object.metadata;
    const old = this.byUid.get(uid!);
    const deleting = deletionTimestamp !== undefined;
    const node: GraphNode = {
      uid: uid!,
      apiVersion: object.apiVersion,
      kind: object.kind,
      namespace: namespace ?? '',
      name: name!,
      owners: ownerReferences ?? [],
      deleting,
      deletingDependents: deleting && (finalizers ?? []).includes(FOREGROUND_FINALIZER),
      orphaning: deleting && (finalizers ?? []).includes(ORPHAN_FINALIZER),
    };
    this.byUid.set(node.uid, node);
    const result: Consequences = { check: [], orphan: [] };
    this.relink(old, node, result);
    if (node.orphaning && !old?.orphaning) result.orphan.push(node.uid);
    else if (node.deletingDependents && !old?.deletingDependents) {
      appendAll(result.check, this.dependents.get(node.uid) ?? []);
      result.check.push(node.uid);
    }
    return result;
  }

  /** An object is gone. Its dependents may be garbage, and owners that waited for it may go. */
  remove(uid: string): Consequences {
    const result: Consequences = { check: [], orphan: [] };
    const node = this.byUid.get(uid);
    if (!node) return result;
    appendAll(result.check, this.dependents.get(uid) ?? []);
    this.byUid.delete(uid);
    for (const owner of node.owners) {
      this.unlink(owner.uid, uid);
      if (this.byUid.get(owner.uid)?.deletingDependents) result.check.push(owner.uid);
    }
    return result;
  }

  /** Is there an owner that is unknown, or not what the reference says? Only the server can tell then. */
  hasDoubtfulOwner(node: GraphNode): boolean {
    return node.owners.some((owner) => !this.isKnownOwner(node, owner));
  }

  /** The owner is here and is just what the dependent's reference says. */
  isKnownOwner(node: GraphNode, reference: OwnerReference): boolean {
    const owner = this.byUid.get(reference.uid);
    return (
      owner !== undefined &&
      owner.kind === reference.kind &&
      owner.name === reference.name &&
      groupOf(owner.apiVersion) === groupOf(reference.apiVersion) &&
      (owner.namespace === '' || owner.namespace === node.namespace)
    );
  }

  private relink(old: GraphNode | undefined, node: GraphNode, result: Consequences): void {
    const before = new Map(old?.owners.map((owner) => [owner.uid, owner]));
    let added = false;
    for (const owner of node.owners) {
      const former = before.get(owner.uid);
      before.delete(owner.uid);
      if (!former) {
        this.link(owner.uid, node.uid);
        added = true;
      } else if (former.blockOwnerDeletion && !owner.blockOwnerDeletion) result.check.push(owner.uid);
    }
    for (const former of before.values()) {
      this.unlink(former.uid, node.uid);
      if (former.blockOwnerDeletion) result.check.push(former.uid);
    }
    if (added && (this.hasDoubtfulOwner(node) || this.hasOwnerDeletingDependents(node))) result.check.push(node.uid);
    // Dependents that came before their owner may name it wrongly.
    if (!old) {
      for (const dependent of this.dependentsOf(node.uid)) {
        if (this.hasDoubtfulOwner(dependent)) result.check.push(dependent.uid);
      }
    }
  }

  private hasOwnerDeletingDependents(node: GraphNode): boolean {
    return node.owners.some((owner) => this.byUid.get(owner.uid)?.deletingDependents);
  }

  private link(owner: string, dependent: string): void {
    const dependents = this.dependents.get(owner);
    if (dependents) dependents.add(dependent);
    else this.dependents.set(owner, new Set([dependent]));
  }

  private unlink(owner: string, dependent: string): void {
    const dependents = this.dependents.get(owner);
    dependents?.delete(dependent);
    if (dependents?.size === 0) this.dependents.delete(owner);
  }
}
