import { basename, dirname } from 'node:path';
import { delay, type Logger, realClock } from '#client';
import { Annotation, Label } from '../pod/labels.js';
import { CriError, type CriRuntime, GrpcCode, hasCode } from '../runtime/cri.js';
import {
  ContainerState,
  type CriContainer,
  type CriContainerStatus,
  type CriSandbox,
  NamespaceMode,
  SandboxState,
} from '../runtime/cri-types.js';
import type { ObservedContainer, ObservedPod, ObservedSandbox, ObservedState } from './observed-pod.js';

/** Between relists without an event stream, and with one, which only guards against lost events. Milliseconds. */
const RELIST_BLIND = 1000;
const RELIST_EVENTS = 10_000;
/** An event comes a little before the runtime's own lists show it. */
const SETTLE_DELAYS = [0, 20, 80, 300, 1000, 3000];
const RECONNECT_DELAY = 1000;
/** As the agent names them. */
const MESSAGE_FILE = /^[0-9a-f]+$/;
/** How long the end of an unknown container is remembered. */
const ENDED_UNSEEN_KEPT = 60_000;

const STATES: Record<number, ObservedState> = {
  [ContainerState.Created]: 'created',
  [ContainerState.Running]: 'running',
  [ContainerState.Exited]: 'exited',
  [ContainerState.Unknown]: 'unknown',
};

export type Runtime = Pick<
  CriRuntime,
  'listSandboxes' | 'listContainers' | 'podSandboxStatus' | 'containerStatus' | 'watchEvents'
>;

/** `outOfMemory`: the container of which the kernel killed a process for want of memory. */
type ChangeListener = (uid: string, outOfMemory?: string) => void;

/**
 * Keeps what the runtime says of every pod, and tells which pods changed. Lists are cheap; the status of a container is
 * asked for once per state it is in.
 */
export class Observer {
  private readonly byUid = new Map<string, ObservedPod>();
  /** By container id: which pod to look at when an event names it. */
  private readonly owners = new Map<string, string>();
  private readonly statuses = new Map<string, { state: number; container: ObservedContainer }>();
  private readonly sandboxes = new Map<string, { state: number; sandbox: ObservedSandbox }>();
  /** Containers that ended before they were seen: a quick one may be gone from the events before its first look. */
  private readonly endedUnseen = new Map<string, number>();
  /** Looks are numbered as they begin; by pod, the newest that was stored. */
  private look = 0;
  private readonly lastLook = new Map<string, number>();
  private readonly listeners = new Set<ChangeListener>();
  /** By pod. */
  private readonly podListeners = new Map<string, Set<() => void>>();
  private answeredAt: number;
  private events = false;
  private lastRelist = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly logger: Logger,
    /** Where message files of a container lie. */
    private readonly folderOf: (uid: string, container: string) => string,
    private readonly now: () => number = Date.now,
  ) {
    this.answeredAt = now();
  }

  /** Called with the pod's uid when something of it changed. */
  onChange(listener: ChangeListener): void {
    this.listeners.add(listener);
  }

  /** Called after each change of one pod; the result ends that. */
  onChangeOf(uid: string, listener: () => void): () => void {
    let listeners = this.podListeners.get(uid);
    if (!listeners) this.podListeners.set(uid, (listeners = new Set()));
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.podListeners.get(uid) === listeners) this.podListeners.delete(uid);
    };
  }

  pods(): Iterable<ObservedPod> {
    return this.byUid.values();
  }

  get(uid: string): ObservedPod | undefined {
    return this.byUid.get(uid);
  }

  /** Follows events and relists until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    void this.followEvents(signal);
    while (!signal.aborted) {
      await delay(realClock, RELIST_BLIND, signal);
      const interval = this.events ? RELIST_EVENTS : RELIST_BLIND;
      if (this.now() - this.lastRelist < interval - 50) continue;
      try {
        await this.relist();
      } catch (error) {
        this.logger.warn('the runtime does not answer', { error });
      }
    }
  }

  /** Lists everything; used at start, and from then on to repair what events missed. */
  async relist(): Promise<void> {
    this.lastRelist = this.now();
    const look = ++this.look;
    const [sandboxes, containers] = await Promise.all([this.runtime.listSandboxes(), this.runtime.listContainers()]);
    const grouped = new Map<string, { sandboxes: CriSandbox[]; containers: CriContainer[] }>();
    const group = (uid: string) => {
      let entry = grouped.get(uid);
      if (!entry) grouped.set(uid, (entry = { sandboxes: [], containers: [] }));
      return entry;
    };
    for (const sandbox of sandboxes) if (sandbox.metadata.uid) group(sandbox.metadata.uid).sandboxes.push(sandbox);
    for (const container of containers) {
      const uid = container.labels[Label.podUid];
      if (uid) group(uid).containers.push(container);
    }
    for (const uid of [...this.byUid.keys()]) if (!grouped.has(uid)) this.store(uid, look, undefined);
    await Promise.all([...grouped].map(([uid, lists]) => this.refresh(uid, look, lists.sandboxes, lists.containers)));
    this.answeredAt = this.now();
  }

  /** Milliseconds since everything was listed; while nothing was, since the start. */
  get silence(): number {
    return this.now() - this.answeredAt;
  }

  /** Looks at one pod now. */
  async observe(uid: string): Promise<ObservedPod | undefined> {
    const selector = { [Label.podUid]: uid };
    const look = ++this.look;
    const [sandboxes, containers] = await Promise.all([
      this.runtime.listSandboxes(selector),
      this.runtime.listContainers(selector),
    ]);
    await this.refresh(uid, look, sandboxes, containers, false);
    return this.byUid.get(uid);
  }

  private async refresh(
    uid: string,
    look: number,
    sandboxes: CriSandbox[],
    containers: CriContainer[],
    notify = true,
  ): Promise<void> {
    if (sandboxes.length === 0 && containers.length === 0) return this.store(uid, look, undefined, notify);
    const [observedSandboxes, observedContainers] = await Promise.all([
      Promise.all(sandboxes.map((sandbox) => this.sandbox(sandbox))),
      Promise.all(containers.map((container) => this.container(container))),
    ]);
    const labels = sandboxes[0]?.labels ?? containers[0]!.labels;
    this.store(
      uid,
      look,
      {
        uid,
        name: labels[Label.podName] ?? '',
        namespace: labels[Label.podNamespace] ?? '',
        sandboxes: present(observedSandboxes).sort((a, b) => b.createdAt - a.createdAt),
        containers: present(observedContainers).sort((a, b) => b.createdAt - a.createdAt),
      },
      notify,
    );
  }

  private async sandbox(item: CriSandbox): Promise<ObservedSandbox | undefined> {
    this.owners.set(item.id, item.metadata.uid);
    const known = this.sandboxes.get(item.id);
    if (known && known.state === item.state) return known.sandbox;
    try {
      const status = await this.runtime.podSandboxStatus(item.id);
      const network = status.network;
      const sandbox: ObservedSandbox = {
        id: item.id,
        attempt: item.metadata.attempt,
        ready: status.state === SandboxState.Ready,
        createdAt: status.createdAt / 1e6,
        ips: [network?.ip ?? '', ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter(Boolean),
        hostNetwork: status.linux?.namespaces?.options.network === NamespaceMode.Node,
      };
      this.sandboxes.set(item.id, { state: status.state, sandbox });
      return sandbox;
    } catch (error) {
      if (hasCode(error, GrpcCode.NotFound)) return undefined;
      throw error;
    }
  }

  private async container(item: CriContainer): Promise<ObservedContainer | undefined> {
    this.owners.set(item.id, item.labels[Label.podUid] ?? '');
    if (this.endedUnseen.delete(item.id)) void this.observeUntilEnded(item.id, false);
    const known = this.statuses.get(item.id);
    // A running container's resources may change, but only by our own hand.
    if (known && known.state === item.state) return known.container;
    try {
      const status = await this.runtime.containerStatus(item.id);
      const container = observedContainer(item, status, this.folderOf);
      this.statuses.set(item.id, { state: status.state, container });
      return container;
    } catch (error) {
      if (hasCode(error, GrpcCode.NotFound)) return undefined;
      throw error;
    }
  }

  /** Looks overlap; one that began before another that is stored already says nothing new. */
  private store(uid: string, look: number, pod: ObservedPod | undefined, notify = true): void {
    if (look < (this.lastLook.get(uid) ?? 0)) return;
    if (pod) this.lastLook.set(uid, look);
    else this.lastLook.delete(uid);
    const old = this.byUid.get(uid);
    for (const { id } of old?.containers ?? []) {
      if (!pod?.containers.some((container) => container.id === id)) {
        this.statuses.delete(id);
        this.owners.delete(id);
      }
    }
    for (const { id } of old?.sandboxes ?? []) {
      if (!pod?.sandboxes.some((sandbox) => sandbox.id === id)) {
        this.sandboxes.delete(id);
        this.owners.delete(id);
      }
    }
    if (pod) this.byUid.set(uid, pod);
    else this.byUid.delete(uid);
    if (notify && differs(old, pod)) this.announce(uid);
  }

  private async followEvents(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.runtime.watchEvents((event) => {
          if (signal.aborted) return;
          if (event.kind === 'connected') {
            this.events = true;
            void this.relist().catch((error) => this.logger.warn('the runtime does not answer', { error }));
          } else if (event.kind === 'stopped' || event.kind === 'deleted') void this.observeUntilEnded(event.id, false);
          else if (event.kind === 'outOfMemory') void this.observeUntilEnded(event.id, true);
        });
      } catch (error) {
        if (error instanceof CriError && error.code === GrpcCode.Unimplemented) {
          this.logger.info('the runtime sends no events; polling it every second');
          return;
        }
      } finally {
        this.events = false;
      }
      await delay(realClock, RECONNECT_DELAY, signal);
    }
  }

  private announce(uid: string, outOfMemory?: string): void {
    for (const listener of this.listeners) listener(uid, outOfMemory);
    for (const listener of this.podListeners.get(uid) ?? []) listener();
  }

  /** Looks until what ended is seen as ended, since events run ahead of the lists. */
  private async observeUntilEnded(id: string, outOfMemory: boolean): Promise<void> {
    const uid = this.owners.get(id);
    if (!uid) {
      this.endedUnseen.set(id, this.now());
      for (const [other, at] of this.endedUnseen)
        if (this.now() - at > ENDED_UNSEEN_KEPT) this.endedUnseen.delete(other);
      return;
    }
    if (outOfMemory) return this.announce(uid, id);
    for (const delay of SETTLE_DELAYS) {
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      const before = this.byUid.get(uid);
      try {
        const after = await this.observe(uid);
        if (differs(before, after)) this.announce(uid);
        if (!after || !stillUp(after, id)) return;
      } catch (error) {
        // The next relist sees it.
        this.logger.warn('a pod that changed was not observed', { uid, error });
        return;
      }
    }
  }
}

function stillUp(pod: ObservedPod, id: string): boolean {
  return (
    pod.containers.some((container) => container.id === id && container.state === 'running') ||
    pod.sandboxes.some((sandbox) => sandbox.id === id && sandbox.ready)
  );
}

function differs(a: ObservedPod | undefined, b: ObservedPod | undefined): boolean {
  if (!a || !b) return a !== b;
  return (
    a.containers.length !== b.containers.length ||
    a.sandboxes.length !== b.sandboxes.length ||
    a.containers.some((container, index) => {
      const other = b.containers[index]!;
      return container.id !== other.id || container.state !== other.state;
    }) ||
    a.sandboxes.some((sandbox, index) => {
      const other = b.sandboxes[index]!;
      return sandbox.id !== other.id || sandbox.ready !== other.ready;
    })
  );
}

/**
 * The file that the agent made for the container's last words. A mount of the user's may have the same path in the
 * container: it is the user's, and neither read nor removed.
 */
function messageFile(status: CriContainerStatus, folder: string): string {
  const path = status.annotations[Annotation.terminationMessagePath] ?? '';
  const isOurs = ({ containerPath, hostPath }: { containerPath: string; hostPath: string }) =>
    containerPath === path && dirname(hostPath) === folder && MESSAGE_FILE.test(basename(hostPath));
  return status.mounts.find(isOurs)?.hostPath ?? '';
}

function observedContainer(
  item: CriContainer,
  status: CriContainerStatus,
  folderOf: (uid: string, container: string) => string,
): ObservedContainer {
  const annotations = status.annotations;
  const name = item.labels[Label.containerName] ?? item.metadata.name;
  const linux = status.resources?.linux;
  const user = status.user?.linux;
  return {
    id: item.id,
    name,
    sandboxId: item.podSandboxId,
    state: STATES[status.state] ?? 'unknown',
    restartCount: Number(annotations[Annotation.restartCount] ?? item.metadata.attempt),
    hash: annotations[Annotation.hash] ?? '',
    createdAt: status.createdAt / 1e6,
    startedAt: status.startedAt / 1e6,
    finishedAt: status.finishedAt / 1e6,
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    image: status.image?.userSpecifiedImage || status.image?.image || '',
    imageRef: status.imageRef || status.imageId,
    annotations,
    messageFile: messageFile(status, folderOf(item.labels[Label.podUid] ?? '', name)),
    logPath: status.logPath,
    ...(user ? { user } : {}),
    ...(linux && (linux.cpuShares || linux.memoryLimitInBytes)
      ? {
          resources: {
            cpuQuota: linux.cpuQuota ?? 0,
            cpuPeriod: linux.cpuPeriod ?? 0,
            cpuShares: linux.cpuShares ?? 0,
            memoryLimit: linux.memoryLimitInBytes ?? 0,
          },
        }
      : {}),
  };
}

function present<T>(items: (T | undefined)[]): T[] {
  return items.filter((item): item is T => item !== undefined);
}
