import type { PodSpec, PodStatus } from '#kinds';
import type { ContainerUsage, PodUsage } from '../eviction/pod-usage.js';
import { emptyObserved, type ObservedContainer, type ObservedPod } from '../observe/observed-pod.js';
import type { Outcome } from '../plan/outcomes.js';
import type { Container, Pod } from '../pod/pod.js';
import { newMemory, type PodMemory } from '../pod/pod-memory.js';

type Mutable<T> = T extends ReadonlyMap<infer K, infer V> ? Map<K, V> : T extends ReadonlySet<infer V> ? Set<V> : T;

/** A memory while a test writes it. */
export type MemoryDraft = { -readonly [K in keyof PodMemory]: Mutable<PodMemory[K]> };

/** A memory that throws when anybody changes it, with what `write` puts into it. */
export function aMemory(write?: (draft: MemoryDraft) => unknown, before: PodMemory = newMemory()): PodMemory {
  const draft = { ...before } as MemoryDraft;
  for (const key of Object.keys(draft) as (keyof MemoryDraft)[]) {
    const value: unknown = draft[key];
    if (value instanceof Map) Object.assign(draft, { [key]: new Map(value) });
    else if (value instanceof Set) Object.assign(draft, { [key]: new Set(value) });
  }
  write?.(draft);
  return frozen(draft);
}

/** All that a step yields. */
export async function outcomesOf(outcomes: AsyncIterable<Outcome>): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for await (const outcome of outcomes) all.push(outcome);
  return all;
}

/** Deeply: objects, maps and sets. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map || value instanceof Set) {
    const refuse = () => {
      throw new TypeError('a frozen collection was changed');
    };
    for (const item of value.values()) frozen(item);
    Object.assign(value, { set: refuse, add: refuse, delete: refuse, clear: refuse });
  }
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

export const NOW = Date.parse('2026-01-01T00:00:00Z');

export function aPod(spec: Partial<PodSpec> = {}, status: PodStatus = {}, metadata: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-1', generation: 1, ...metadata },
    spec: { containers: [aContainer('main')], restartPolicy: 'Always', terminationGracePeriodSeconds: 30, ...spec },
    status: { phase: 'Pending', ...status },
  };
}

export function aContainer(name: string, rest: Partial<Container> = {}): Container {
  return { name, image: 'app:1', ...rest };
}

export function anObserved(rest: Partial<ObservedPod> = {}): ObservedPod {
  return { ...emptyObserved('uid-1', 'default', 'web'), ...rest };
}

export function aSandbox(rest: Partial<ObservedPod['sandboxes'][number]> = {}): ObservedPod['sandboxes'][number] {
  return { id: 's1', attempt: 0, ready: true, createdAt: NOW - 60_000, ips: ['10.0.0.9'], hostNetwork: false, ...rest };
}

export function running(name: string, rest: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    id: `${name}-1`,
    name,
    sandboxId: 's1',
    state: 'running',
    restartCount: 0,
    hash: '',
    createdAt: NOW - 50_000,
    startedAt: NOW - 50_000,
    finishedAt: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: 'app:1',
    imageRef: 'sha256:1',
    annotations: {},
    messageFile: '',
    logPath: '',
    ...rest,
  };
}

export function created(name: string, rest: Partial<ObservedContainer> = {}): ObservedContainer {
  return running(name, { state: 'created', startedAt: 0, ...rest });
}

export function exited(name: string, exitCode: number, rest: Partial<ObservedContainer> = {}): ObservedContainer {
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return running(name, { state: 'exited', exitCode, reason, finishedAt: NOW - 1000, ...rest });
}

export function aUsage(rest: Partial<PodUsage> = {}): PodUsage {
  return { memory: 0, processes: 0, containers: [], volumes: new Map(), ...rest };
}

/** Bytes; a file of each kind is one inode. */
export function aContainerUsage(
  name: string,
  use: { memory?: number; rootfs?: number; logs?: number },
): ContainerUsage {
  const { memory, rootfs = 0, logs = 0 } = use;
  const files = (bytes: number) => ({ bytes, inodes: bytes > 0 ? 1 : 0 });
  return { name, ...(memory !== undefined ? { memory } : {}), rootfs: files(rootfs), logs: files(logs) };
}
