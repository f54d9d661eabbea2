import type { KubeObject } from '#apimachinery';
import { ownValue } from '#apimachinery';
import type { SchedCore } from '#native/sched-core';
import { ClusterEvent } from './cluster-event.js';
import { type NodeParts, nodeParts, type PodProjection, projectNode, specPart } from './projection.js';

/** A number that the native side knows a thing by. Numbers of things that are gone are given again. */
class Numbers {
  private next = 0;
  private readonly free: number[] = [];

  take(): number {
    return this.free.pop() ?? this.next++;
  }

  giveBack(number: number): void {
    this.free.push(number);
  }
}

interface NodeEntry {
  readonly name: string;
  readonly slot: number;
  /** Absent: the node is not there (yet, or any more), but pods name it. */
  parts?: NodeParts;
  /** The newest state whose parts were told. */
  node?: KubeObject;
  pods: number;
}

interface SpecEntry {
  readonly id: number;
  readonly text: string;
  users: number;
}

/** A pod that is waiting for a node, has been given one, or runs on one. */
export interface PodEntry {
  readonly handle: number;
  /** The newest state that was seen. */
  pod: KubeObject;
  spec: SpecEntry;
  node?: NodeEntry;
  /** The node was chosen here and the API has not confirmed it yet. */
  assumed: boolean;
  /** What its volumes say of nodes, as the native side reads it. */
  volumeRules?: string;
}

/**
 * What the informers know, under numbers, and fed to the native snapshot as it changes. Only what scheduling reads goes
 * across: a heartbeat or a status update of a pod costs a comparison here and nothing there.
 */
export class ClusterState {
  private readonly nodes = new Map<string, NodeEntry>();
  private readonly bySlot: (NodeEntry | undefined)[] = [];
  private readonly pods = new Map<string, PodEntry>();
  private readonly specs = new Map<string, SpecEntry>();
  private readonly slots = new Numbers();
  private readonly handles = new Numbers();
  private readonly specIds = new Numbers();
  private readonly namespaces = new Map<string, string>();
  private readonly projectPod: PodProjection;
  private core: SchedCore;
  private readonly byHandle: (PodEntry | undefined)[] = [];
  /** Numbers of pods that are gone; the batch in flight may still name them, as victims. */
  private readonly idleHandles: number[] = [];
  /** Slots that nobody uses any more; they may still be named by the batch in flight. */
  private readonly idleSlots: NodeEntry[] = [];
  private countedNodes = 0;

  constructor(core: SchedCore, projectPod: PodProjection) {
    this.core = core;
    this.projectPod = projectPod;
  }

  /** Tells everything to a new core, which takes the place of one that broke. Call when no batch is in flight. */
  rebuild(core: SchedCore): void {
    this.core = core;
    for (const [name, labels] of this.namespaces) core.setNamespace(name, labels);
    for (const { node, slot } of this.nodes.values()) if (node) core.upsertNode(slot, projectNode(node));
    for (const { id, text } of this.specs.values()) core.defineSpec(id, text);
    for (const entry of this.pods.values()) {
      if (entry.node) core.assign(entry.handle, entry.spec.id, entry.node.slot, startOf(entry.pod));
      else this.restoreNomination(entry);
    }
  }

  get nodeCount(): number {
    return this.countedNodes;
  }

  /** Returns the events that the change amounts to; 0 when scheduling does not care. */
  setNode(node: KubeObject): number {
    const entry = this.node(node.metadata.name!);
    const parts = nodeParts(node);
    const old = entry.parts;
    let events = 0;
    if (!old) events = ClusterEvent.NodeAdd;
    else {
      if (old.labels !== parts.labels) events |= ClusterEvent.NodeLabel;
      if (old.taints !== parts.taints) events |= ClusterEvent.NodeTaint;
      if (old.allocatable !== parts.allocatable) events |= ClusterEvent.NodeAllocatable;
    }
    if (events === 0) return 0;
    if (!old) this.countedNodes++;
    entry.parts = parts;
    entry.node = node;
    this.core.upsertNode(entry.slot, projectNode(node));
    return events;
  }

  removeNode(name: string): number {
    const entry = this.nodes.get(name);
    if (!entry?.parts) return 0;
    entry.parts = undefined;
    entry.node = undefined;
    this.countedNodes--;
    this.core.removeNode(entry.slot);
    this.retire(entry);
    return ClusterEvent.NodeDelete;
  }

  setNamespace(namespace: KubeObject): void {
    const { name, labels } = namespace.metadata;
    const text = JSON.stringify(labels ?? {});
    this.namespaces.set(name!, text);
    this.core.setNamespace(name!, text);
  }

  removeNamespace(name: string): void {
    this.namespaces.delete(name);
    this.core.setNamespace(name);
  }

  pod(uid: string): PodEntry | undefined {
    return this.pods.get(uid);
  }

  /** Takes note of a pod that waits for a node or has one. */
  setPod(pod: KubeObject): { entry: PodEntry; events: number; changed: boolean } {
    const uid = pod.metadata.uid!;
    const nodeName: string | undefined = pod['spec'].nodeName;
    let entry = this.pods.get(uid);
    let changed = false;
    const before = entry?.spec.text;
    if (!entry) {
      entry = { handle: this.handles.take(), pod, spec: this.spec(this.projectPod(pod)), assumed: false };
      this.pods.set(uid, entry);
      this.byHandle[entry.handle] = entry;
      this.restoreNomination(entry);
      changed = true;
    } else {
      changed = this.refresh(entry, pod);
      entry.pod = pod;
    }
    if (!nodeName) return { entry, events: 0, changed };
    const had = entry.node;
    if (had?.name === nodeName && !changed) {
      const confirmed = entry.assumed;
      entry.assumed = false;
      return { entry, events: confirmed ? ClusterEvent.AssignedPodAdd : 0, changed };
    }
    this.place(entry, this.node(nodeName));
    entry.assumed = false;
    this.core.assign(entry.handle, entry.spec.id, entry.node!.slot, startOf(pod));
    let events: number = ClusterEvent.AssignedPodAdd;
    if (had && before !== undefined) {
      const resized = specPart(before) !== specPart(entry.spec.text);
      events = resized ? ClusterEvent.AssignedPodResize : ClusterEvent.AssignedPodUpdate;
    }
    return { entry, events, changed };
  }

  /** The pod is gone, or has ended and takes nothing any more. */
  removePod(uid: string): number {
    const entry = this.pods.get(uid);
    if (!entry) return 0;
    const freed = entry.node !== undefined;
    this.pods.delete(uid);
    this.core.release(entry.handle);
    this.place(entry, undefined);
    this.byHandle[entry.handle] = undefined;
    this.idleHandles.push(entry.handle);
    this.dropSpec(entry.spec);
    return freed ? ClusterEvent.AssignedPodDelete : 0;
  }

  /** Says what the volumes of a pod say of nodes. Call when no batch is in flight. */
  setVolumeRules(entry: PodEntry, rules: string | undefined): void {
    if (entry.volumeRules === rules) return;
    entry.volumeRules = rules;
    this.respecify(entry, this.textOf(entry.pod, rules));
  }

  /** The native side has counted the pod on this slot's node. Returns the node's name; undefined when it is gone. */
  assume(entry: PodEntry, slot: number): string | undefined {
    const node = this.bySlot[slot];
    if (!node?.parts) {
      this.core.release(entry.handle);
      return undefined;
    }
    this.place(entry, node);
    entry.assumed = true;
    return node.name;
  }

  /** The binding failed: the pod takes nothing. */
  forget(entry: PodEntry): void {
    if (!entry.assumed) return;
    entry.assumed = false;
    this.place(entry, undefined);
    this.core.release(entry.handle);
  }

  /** The pod of a number, unless it is gone. */
  podOf(handle: number): PodEntry | undefined {
    return this.byHandle[handle];
  }

  nodeOf(slot: number): string | undefined {
    return this.bySlot[slot]?.name;
  }

  /** Call when no batch is in flight: numbers that nobody uses may be given again then. */
  settle(): void {
    for (const handle of this.idleHandles.splice(0)) this.handles.giveBack(handle);
    for (const entry of this.idleSlots.splice(0)) {
      if (entry.parts || entry.pods > 0 || this.bySlot[entry.slot] !== entry) continue;
      this.nodes.delete(entry.name);
      this.bySlot[entry.slot] = undefined;
      this.slots.giveBack(entry.slot);
    }
  }

  /** After a start, room goes on being kept for pods that were promised some. */
  private restoreNomination(entry: PodEntry): void {
    const name: string | undefined = entry.pod['status']?.nominatedNodeName;
    const node = name ? this.nodes.get(name) : undefined;
    if (node?.parts && !entry.pod['spec'].nodeName) this.core.nominate(entry.handle, entry.spec.id, node.slot);
  }

  private node(name: string): NodeEntry {
    let entry = this.nodes.get(name);
    if (!entry) {
      entry = { name, slot: this.slots.take(), pods: 0 };
      this.nodes.set(name, entry);
      this.bySlot[entry.slot] = entry;
    }
    return entry;
  }

  private place(entry: PodEntry, node: NodeEntry | undefined): void {
    if (entry.node === node) return;
    if (entry.node) {
      entry.node.pods--;
      this.retire(entry.node);
    }
    entry.node = node;
    if (node) node.pods++;
  }

  private retire(entry: NodeEntry): void {
    if (!entry.parts && entry.pods === 0) this.idleSlots.push(entry);
  }

  /** True when what scheduling reads of the pod has changed. */
  private refresh(entry: PodEntry, pod: KubeObject): boolean {
    const { metadata: old } = entry.pod;
    const { metadata } = pod;
    // The generation counts changes of the spec.
    if (metadata.generation !== undefined && metadata.generation === old.generation) {
      const leaves = metadata.deletionTimestamp !== old.deletionTimestamp;
      if (!leaves && sameLabels(metadata.labels, old.labels)) return false;
    }
    const text = this.textOf(pod, entry.volumeRules);
    if (text === entry.spec.text) return false;
    this.respecify(entry, text);
    return true;
  }

  private respecify(entry: PodEntry, text: string): void {
    const spec = this.spec(text);
    this.dropSpec(entry.spec);
    entry.spec = spec;
  }

  private textOf(pod: KubeObject, volumeRules: string | undefined): string {
    const text = this.projectPod(pod);
    return volumeRules === undefined ? text : `${text.slice(0, -1)},"volumeRules":${volumeRules}}`;
  }

  private spec(text: string): SpecEntry {
    let spec = this.specs.get(text);
    if (!spec) {
      spec = { id: this.specIds.take(), text, users: 0 };
      this.core.defineSpec(spec.id, text);
      this.specs.set(text, spec);
    }
    spec.users++;
    return spec;
  }

  private dropSpec(spec: SpecEntry): void {
    if (--spec.users > 0) return;
    this.specs.delete(spec.text);
    this.core.dropSpec(spec.id);
    this.specIds.giveBack(spec.id);
  }
}

function startOf(pod: KubeObject): number {
  return Date.parse(pod['status']?.startTime ?? pod.metadata.creationTimestamp) || 0;
}

export function sameLabels(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => ownValue(a, key) === ownValue(b, key));
}
