import type { Logger } from '#client';
import type { PodStatus } from '#kinds';
import type { Tracer } from '#telemetry';
import type { Occupant, PodAdmission } from '../admission/pod-admission.js';
import type { Resident } from '../eviction/eviction.js';
import { execute } from '../execute/executor.js';
import { LONGEST_TIMER } from '../execute/hooks.js';
import type { StepServices } from '../execute/step-services.js';
import { unmountContext } from '../execute/volume-context.js';
import { emptyObserved, isLive } from '../observe/observed-pod.js';
import type { Observer } from '../observe/observer.js';
import { terminationMessage } from '../observe/termination-message.js';
import { type Outcome, remember, withEntry, withMember, withoutMember } from '../plan/outcomes.js';
import { deadlineFailure } from '../plan/phase.js';
import { plan } from '../plan/plan.js';
import type { PodState } from '../plan/pod-state.js';
import { grant, resizeInProgress, withGranted } from '../plan/resize.js';
import { changesRuntime, type Step } from '../plan/steps.js';
import { killOrder } from '../plan/termination.js';
import { isTerminal, type Pod, podKey } from '../pod/pod.js';
import { newMemory, type PodFailure, type PodMemory } from '../pod/pod-memory.js';
import type { Prober } from '../probes/prober.js';
import { podStatus, withReported } from '../report/pod-status.js';
import { resizeEvents } from '../report/resize-events.js';
import type { StatusWriter } from '../report/status-writer.js';
import { refreshingVolumes, volumesOnDisk } from '../volumes/volume-set.js';

/** How long a step that failed unexpectedly waits. Milliseconds. */
const UNEXPECTED_RETRY = 2000;
/** How often a pod is looked at that cannot be admitted or refused yet. Milliseconds. */
const ADMISSION_RETRY = 200;

export interface WorkerContext {
  services: StepServices;
  observer: Observer;
  writer: Pick<StatusWriter, 'set' | 'forget'>;
  prober: Prober;
  logger: Logger;
  /** Absent: no spans are made. */
  tracer?: Tracer;
  runtimeName: string;
  admission: PodAdmission;
  /** Pods that hold resources of the node, this one among them. */
  occupants(): Occupant[];
  /** Nothing of the pod is left, neither at the API server nor here. */
  onGone(uid: string): void;
}

/**
 * One pod's pipe, and the one writer of its state. Syncs run one after another; steps run beside them and wake the next
 * sync when they end.
 */
export class PodWorker implements Resident {
  private readonly current: { -readonly [K in keyof PodState]: PodState[K] };
  private running = false;
  private again = false;
  private timer: NodeJS.Timeout | undefined;
  /** The status that was worked out last. */
  private reported: PodStatus | undefined;
  private closed = false;
  private volumesFound = false;
  /** As the API server has it; the state's has what the node grants. */
  private wanted: Pod;

  constructor(
    private readonly context: WorkerContext,
    pod: Pod,
    removed = false,
  ) {
    const { uid, namespace, name } = pod.metadata;
    const observed = context.observer.get(uid) ?? emptyObserved(uid, namespace, name);
    this.wanted = pod;
    this.current = { pod, removed, observed, memory: newMemory() };
  }

  get pod(): Pod {
    return this.current.pod;
  }

  get state(): PodState {
    return this.current;
  }

  /**
   * The pod was admitted, and has not yet ended: its requests and ports count. Its sandbox does not: the status tells of the end
   * before that is stopped, and the scheduler then gives to others what the pod had.
   */
  get occupies(): boolean {
    const { memory, observed } = this.current;
    if (!memory.admitted) return false;
    const over = memory.kill !== undefined || isTerminal(this.wanted.status);
    return !over || observed.containers.some(isLive);
  }

  get leaving(): boolean {
    const { memory, removed, pod } = this.current;
    return removed || memory.failed !== undefined || pod.metadata.deletionTimestamp !== undefined;
  }

  get ended(): boolean {
    return this.current.memory.failed !== undefined;
  }

  get released(): boolean {
    return this.current.memory.cleaned !== 'no';
  }

  /** Removes dead containers when the pod has ended and the API server knows how. True when there were some. */
  discardRemains(): boolean {
    const { observed } = this.current;
    if (this.occupies || !isTerminal(this.wanted.status) || observed.containers.length === 0) return false;
    this.record({ discardContainers: true });
    this.wake();
    return true;
  }

  end(failure: PodFailure): void {
    this.fail(failure);
    this.wake();
  }

  update(pod: Pod): void {
    const before = this.wanted;
    this.wanted = pod;
    this.current.pod = withGranted(pod, this.current.memory.granted);
    const metadataChanged =
      JSON.stringify(before.metadata.labels) !== JSON.stringify(pod.metadata.labels) ||
      JSON.stringify(before.metadata.annotations) !== JSON.stringify(pod.metadata.annotations);
    if (metadataChanged) this.refreshVolumes();
    this.wake();
  }

  remove(): void {
    this.current.removed = true;
    this.wake();
  }

  /** The kernel killed a process of this container for want of memory. */
  noteOutOfMemory(id: string): void {
    if (this.current.observed.containers.some((container) => container.id === id)) {
      this.remember({ type: 'outOfMemory', id });
    }
  }

  /** A ConfigMap or Secret came, changed or went: mounted ones follow, and what failed for it is tried at once. */
  referenceChanged(): void {
    this.remember({ type: 'referenceChanged' });
    this.wake();
    this.refreshVolumes();
  }

  /** The pod with the status that was last worked out, which the API server may not have yet. */
  reportedPod(): Pod {
    return withReported(this.current.pod, this.reported);
  }

  /** What the content of mounted volumes follows may have changed. */
  refreshVolumes(): void {
    const { memory, pod, removed } = this.current;
    const mounted = pod.spec.volumes?.filter(({ name }) => memory.volumes.get(name)?.phase === 'mounted');
    const volumes = refreshingVolumes(mounted);
    if (volumes.length === 0 || removed) return;
    this.remember({ type: 'volumesStale', volumes });
    this.wake();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.context.prober.stop(this.current.pod.metadata.uid);
  }

  wake(): void {
    this.again = true;
    if (this.running || this.closed) return;
    this.running = true;
    void this.loop();
  }

  private async loop(): Promise<void> {
    while (this.again && !this.closed) {
      this.again = false;
      try {
        await this.tracedSync();
      } catch (error) {
        const stack = error instanceof Error ? error.stack : String(error);
        this.context.logger.error('pod sync failed', { pod: podKey(this.current.pod), error: stack });
        this.wakeIn(UNEXPECTED_RETRY);
      }
    }
    this.running = false;
  }

  private tracedSync(): Promise<void> {
    const { tracer } = this.context;
    if (!tracer) return this.sync();
    const { namespace = '', name, uid } = this.current.pod.metadata;
    return tracer.span('syncPod', { 'k8s.pod.uid': uid, 'k8s.pod': name, 'k8s.namespace.name': namespace }, () =>
      this.sync(),
    );
  }

  private async sync(): Promise<void> {
    const { observer, prober } = this.context;
    const { uid, namespace, name } = this.current.pod.metadata;
    const now = this.now();
    this.current.observed = observer.get(uid) ?? emptyObserved(uid, namespace, name);
    await this.findVolumes();
    await this.collectMessages();
    if (!(await this.isDecided())) return this.wakeIn(ADMISSION_RETRY);
    this.grant();
    // Plan and report build on what was reported last: the watch echoes it a little later.
    const pod = this.reportedPod();
    const late = deadlineFailure(pod, now);
    if (late) this.fail(late);
    this.record({ kill: killOrder({ ...this.current, pod, now }) });
    this.record({ probes: prober.sync(this.current) });
    const { steps, wakeAt } = plan({ ...this.current, pod, now });
    this.report(pod, now);
    for (const step of steps) this.begin(step);
    if (wakeAt !== undefined) this.wakeIn(wakeAt - now);
    this.leaveWhenGone();
  }

  private leaveWhenGone(): void {
    const { pod, removed, memory } = this.current;
    if (!removed || memory.cleaned !== 'removed' || memory.inFlight.size > 0) return;
    const { uid } = pod.metadata;
    this.close();
    this.context.writer.forget(uid);
    this.context.onGone(uid);
  }

  /** Whether it is known that the pod may run here, or may not; one that may not has failed. */
  private async isDecided(): Promise<boolean> {
    const { memory, observed, pod, removed } = this.current;
    if (memory.admitted !== undefined) return true;
    // What an agent before this one took stays.
    if (observed.sandboxes.length > 0) {
      this.record({ admitted: true });
      return true;
    }
    if (removed || pod.metadata.deletionTimestamp !== undefined || isTerminal(pod.status)) return true;
    const { admission, logger, services } = this.context;
    const verdict = await admission.decide(pod, () => this.record({ admitted: true }));
    if (verdict === 'later') return false;
    if (verdict === 'admitted') return true;
    const { reason, message } = verdict;
    this.record({ admitted: false, failed: { reason, message: `Pod was rejected: ${message}` } });
    logger.info('pod refused', { pod: podKey(pod), reason, message });
    services.events.event(pod, 'Warning', reason, message);
    return true;
  }

  /** A resized pod gets what it asks for if the node has it. Says by events what became of that. */
  private grant(): void {
    const { memory: before, removed } = this.current;
    if (!before.admitted || removed || this.wanted.metadata.deletionTimestamp !== undefined) return;
    const { services, occupants } = this.context;
    const others = () => occupants().map(({ pod }) => pod);
    const { pod, change } = grant(this.wanted, before, { allocatable: services.node.allocatable, others });
    this.current.pod = pod;
    this.record(change);
    const state = { ...this.current, pod: this.reportedPod() };
    for (const { type, reason, message } of resizeEvents(before, state, this.wanted)) {
      services.events.event(this.wanted, type, reason, message);
    }
    this.record({ resizeAnnounced: resizeInProgress(state.pod, state.observed, state.memory) });
  }

  /** Once: what an agent before this one has mounted. */
  private async findVolumes(): Promise<void> {
    if (this.volumesFound) return;
    const { services } = this.context;
    const volumes = await volumesOnDisk(unmountContext(services), this.current.pod.metadata.uid);
    this.remember({ type: 'volumesFound', volumes });
    this.volumesFound = true;
  }

  private async collectMessages(): Promise<void> {
    const { files } = this.context.services.paths;
    for (const container of this.current.observed.containers) {
      const { id, state } = container;
      if (state !== 'exited' || this.current.memory.terminationMessages.has(id)) continue;
      const message = await terminationMessage(files, container);
      this.record({ terminationMessages: withEntry(this.current.memory.terminationMessages, id, message) });
    }
  }

  private report(pod: Pod, now: number): void {
    const { observed, memory, removed } = this.current;
    if (removed) return;
    // While a pod is taken apart its last full status stands.
    const terminal = isTerminal(this.wanted.status) || memory.cleaned !== 'no';
    const over = terminal || pod.metadata.deletionTimestamp !== undefined;
    if (over && memory.admitted !== false && observed.containers.length === 0) return;
    const { runtimeName, services, writer } = this.context;
    const { hostIPs } = services.node;
    this.reported = podStatus({ pod, observed, memory, now, runtimeName, hostIPs });
    writer.set(this.current.pod, this.reported);
  }

  private begin(step: Step): void {
    const { memory } = this.current;
    if (memory.inFlight.has(step.key)) return;
    this.record({ inFlight: withMember(memory.inFlight, step.key) });
    void this.run(step).finally(() => {
      this.record({ inFlight: withoutMember(this.current.memory.inFlight, step.key) });
      this.wake();
    });
  }

  private async run(step: Step): Promise<void> {
    const { services, observer, logger } = this.context;
    const { pod } = this.current;
    try {
      for await (const outcome of execute(services, this.current, step)) {
        this.remember(outcome);
      }
    } catch (error) {
      logger.warn('step failed', { pod: podKey(pod), step: step.type, error });
      await new Promise((resolve) => setTimeout(resolve, UNEXPECTED_RETRY));
    }
    if (!changesRuntime(step)) return;
    await observer
      .observe(pod.metadata.uid)
      .catch((error) => logger.warn('pod not observed', { pod: podKey(pod), error }));
  }

  /** The first reason counts. */
  private fail(failure: PodFailure): void {
    if (!this.current.memory.failed) this.record({ failed: failure });
  }

  private remember(outcome: Outcome): void {
    this.current.memory = remember(this.current.memory, outcome, this.now());
  }

  private record(change: Partial<PodMemory>): void {
    this.current.memory = { ...this.current.memory, ...change };
  }

  private now(): number {
    return this.context.services.now();
  }

  private wakeIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wake(), Math.min(Math.max(ms, 0) + 1, LONGEST_TIMER));
  }
}
