import type { PodSpec, PodStatus } from '#kinds';
import type { ContainerUsage, PodUsage } from '../eviction/pod-usage.js';
import { emptyObserved, type ObservedContainer, type ObservedPod } from '../observe/observed-pod.js';
import type { Container, Pod } from '../pod/pod.js';

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
