import { loadNative } from '#host';

/** What one pod of a batch is told when no node will do. */
export interface PodFailure {
  /** Which pod of the batch. */
  index: number;
  /** Kubernetes' words: `0/3 nodes are available: ...`. */
  message: string;
  /** The plugins that rejected a node. */
  plugins: string[];
  /** The pod keeps the node that was nominated for it before. */
  waits: boolean;
  /** Slot of the node that evicting `victims` would free; -1: none. */
  nominated: number;
  victims: number[];
}

export interface BatchResult {
  /** By pod of the batch: the node's slot, or -1. */
  slots: Int32Array;
  failures: PodFailure[];
}

/** The Rust side: a snapshot fed by deltas, and decisions off the event loop. Deltas never wait for a decision. */
export interface SchedCore {
  upsertNode(slot: number, node: string): void;
  removeNode(slot: number): void;
  defineSpec(id: number, pod: string): void;
  dropSpec(id: number): void;
  /** `labels`: JSON; absent: the namespace is gone. */
  setNamespace(name: string, labels?: string): void;
  /** `started`: since when the pod runs, in milliseconds. */
  assign(pod: number, spec: number, slot: number, started: number): void;
  /** Room on the node is being made for the pod. */
  nominate(pod: number, spec: number, slot: number): void;
  release(pod: number): void;
  /** `pods`: pairs of pod and spec. A pod that found a node counts there from then on. */
  schedule(pods: Uint32Array): Promise<BatchResult>;
}

/** NodeResourcesFit's scoring strategy; absent: LeastAllocated, CPU and memory alike. */
export interface ScoringStrategy {
  type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  cpuWeight?: number;
  memoryWeight?: number;
  /** Utilization in percent, score 0 to 10. */
  shape?: { utilization: number; score: number }[];
}

interface Library {
  SchedCore: new (seed: number, scoring: string) => SchedCore;
}

/** `seed` fixes how ties between equally good nodes are broken. */
export function createSchedCore(seed: number, scoring?: ScoringStrategy): SchedCore {
  const library = loadNative<Library>('sched-core');
  return new library.SchedCore(seed, scoring ? JSON.stringify(scoring) : '');
}
