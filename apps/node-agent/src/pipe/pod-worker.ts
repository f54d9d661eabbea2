import type { Logger } from '#client';
import type { PodCondition, PodStatus } from '#kinds';
import type { Occupant, PodAdmission } from '../admission/pod-admission.js';
import type { Resident } from '../eviction/eviction.js';
import type { Execution, PodState } from '../execute/execution.js';
import { volumeContext } from '../execute/execution.js';
import { execute } from '../execute/executor.js';
import { emptyObserved, isLive } from '../observe/observed-pod.js';
import type { Observer } from '../observe/observer.js';
import { terminationMessage } from '../observe/termination-message.js';
import { deadlineFailure } from '../plan/phase.js';
import { plan } from '../plan/plan.js';
import { grant, resizeInProgress, withGranted } from '../plan/resize.js';
import type { Step } from '../plan/steps.js';
import { killOrder } from '../plan/termination.js';
import { type Container, isTerminal, type Pod, podKey } from '../pod/pod.js';
import { newMemory, type PodFailure } from '../pod/pod-memory.js';
import type { Prober } from '../probes/prober.js';
import { OWNED, podStatus } from '../report/pod-status.js';
import type { StatusWriter } from '../report/status-writer.js';
import { refreshAll } from '../volumes/volume-set.js';

/** How long a step that failed unexpectedly waits. Milliseconds. */
const UNEXPECTED_RETRY = 2000;
/** How often a pod is looked at that cannot be admitted or refused yet. Milliseconds. */
const ADMISSION_RETRY = 200;

export interface WorkerContext {
  execution: Execution;
  observer: Observer;
  writer: Pick<StatusWriter, 'set' | 'forget'>;
  prober: Prober;
  logger: Logger;
  runtimeName: string;
  admission: PodAdmission;
  /** Pods that hold resources of the node, this one among them. */
  occupants(): Occupant[];
  /** Nothing of the pod is left, neither at the API server nor here. */
  onGone(uid: string): void;
}

/** One pod's pipe. Syncs run one after another; steps run beside them and wake the next sync when they end. */
export class PodWorker implements Resident {
  private readonly live: PodState;
  private running = false;
  private again = false;
  private timer: NodeJS.Timeout | undefined;
  private reported: PodStatus | undefined;
  private closed = false;
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
    this.live = { pod, removed, observed, memory: newMemory(), volumes: new Map() };
  }

  get pod(): Pod {
    return this.live.pod;
  }

  get state(): PodState {
    return this.live;
  }

  /**
   * The pod was admitted, and has not yet ended: its requests and ports count. Its sandbox does not: the status tells of the end
   * before that is stopped, and the scheduler then gives to others what the pod had.
   */
  get occupies(): boolean {
    const { memory, observed } = this.live;
    if (!memory.admitted) return false;
    const over = memory.kill !== undefined || isTerminal(this.wanted.status);
    return !over || observed.containers.some(isLive);
  }

  get leaving(): boolean {
    const { memory, removed, pod } = this.live;
    return removed || memory.failed !== undefined || pod.metadata.deletionTimestamp !== undefined;
  }

  get ended(): boolean {
    return this.live.memory.failed !== undefined;
  }

  get released(): boolean {
    return this.live.memory.cleaned !== 'no';
  }

  /** Removes dead containers when the pod has ended and the API server knows how. True when there were some. */
  discardRemains(): boolean {
    const { memory, observed } = this.live;
    if (this.occupies || !isTerminal(this.wanted.status) || observed.containers.length === 0) return false;
    memory.discard = true;
    this.wake();
    return true;
  }

  end(failure: PodFailure): void {
    this.live.memory.failed ??= failure;
    this.wake();
  }

  update(pod: Pod): void {
    const before = this.wanted;
    this.wanted = pod;
    this.live.pod = withGranted(pod, this.live.memory.granted);
    const metadataChanged =
      JSON.stringify(before.metadata.labels) !== JSON.stringify(pod.metadata.labels) ||
      JSON.stringify(before.metadata.annotations) !== JSON.stringify(pod.metadata.annotations);
    if (metadataChanged) this.refreshVolumes();
    this.wake();
  }

  remove(): void {
    this.live.removed = true;
    this.wake();
  }

  noteOutOfMemory(): void {
    for (const container of this.live.observed.containers) {
      if (container.state === 'running') this.live.memory.outOfMemory.add(container.id);
    }
  }

  /** Something that a failed step lacked may be there now. */
  retryNow(): void {
    const { memory } = this.live;
    const now = this.context.execution.now();
    if (memory.volumeFailure) memory.volumeFailure.retryAt = now;
    for (const failure of memory.startFailures.values()) {
      if (failure.reason === 'CreateContainerConfigError') failure.retryAt = now;
    }
    this.wake();
  }

  /** The pod with the status that was last worked out, which the API server may not have yet. */
  reportedPod(): Pod {
    return this.withReported(this.live.pod);
  }

  /** Content of mounted volumes follows the API; runs beside everything else. */
  refreshVolumes(): void {
    const { memory, removed } = this.live;
    if (memory.volumes !== 'ready' || removed) return;
    refreshAll(volumeContext(this.context.execution, this.live)).catch((error) => {
      this.context.logger.warn('volumes not refreshed', { pod: podKey(this.live.pod), error });
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.context.prober.stop(this.live.pod.metadata.uid);
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
        await this.sync();
      } catch (error) {
        const stack = error instanceof Error ? error.stack : String(error);
        this.context.logger.error('pod sync failed', { pod: podKey(this.live.pod), error: stack });
        this.wakeIn(UNEXPECTED_RETRY);
      }
    }
    this.running = false;
  }

  private async sync(): Promise<void> {
    const state = this.live;
    const { memory } = state;
    const { execution, observer } = this.context;
    const { uid, namespace, name } = state.pod.metadata;
    const now = execution.now();
    state.observed = observer.get(uid) ?? emptyObserved(uid, namespace, name);
    await this.collectMessages();
    if (!(await this.isDecided())) return this.wakeIn(ADMISSION_RETRY);
    this.grant();
    // Plan and report build on what was reported last: the watch echoes it a little later.
    const pod = this.withReported(state.pod);
    memory.failed ??= deadlineFailure(pod, now);
    const input = { pod, removed: state.removed, observed: state.observed, memory, now };
    memory.kill = killOrder(input);
    this.context.prober.sync(state);
    const { steps, wakeAt } = plan(input);
    this.report(pod, now);
    for (const step of steps) this.begin(step);
    if (wakeAt !== undefined) this.wakeIn(wakeAt - now);
    if (state.removed && memory.cleaned === 'removed' && memory.inFlight.size === 0) {
      this.close();
      this.context.writer.forget(uid);
      this.context.onGone(uid);
    }
  }

  /** Whether it is known that the pod may run here, or may not; one that may not has failed. */
  private async isDecided(): Promise<boolean> {
    const { memory, observed, pod, removed } = this.live;
    if (memory.admitted !== undefined) return true;
    // What an agent before this one took stays.
    if (observed.sandboxes.length > 0) memory.admitted = true;
    if (memory.admitted || removed || pod.metadata.deletionTimestamp !== undefined || isTerminal(pod.status))
      return true;
    const verdict = await this.context.admission.decide(pod, () => {
      memory.admitted = true;
    });
    if (verdict === 'later') return false;
    if (verdict === 'admitted') return true;
    const { reason, message } = verdict;
    memory.admitted = false;
    memory.failed = { reason, message: `Pod was rejected: ${message}` };
    this.context.logger.info('pod refused', { pod: podKey(pod), reason, message });
    this.context.execution.events.event(pod, 'Warning', reason, message);
    return true;
  }

  /** A resized pod gets what it asks for if the node has it. Tells by events what became of that. */
  private grant(): void {
    const state = this.live;
    const { memory, removed } = state;
    if (!memory.admitted || removed || this.wanted.metadata.deletionTimestamp !== undefined) return;
    const { execution, occupants } = this.context;
    const pending = memory.resizePending;
    const others = () => occupants().map(({ pod }) => pod);
    state.pod = grant(this.wanted, memory, { allocatable: execution.node.allocatable, others });
    const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
      execution.events.event(this.wanted, type, reason, `${message}: ${resizeSummary(this.wanted)}`);
    const { resizePending } = memory;
    if (resizePending && resizePending.message !== pending?.message) {
      tell('Warning', `Resize${resizePending.reason}`, `Pod resize ${resizePending.reason}`);
    }
    const under = resizeInProgress(this.withReported(state.pod), state.observed, memory);
    if (under && !memory.resizeTold) tell('Normal', 'ResizeStarted', 'Pod resize started');
    if (!under && memory.resizeTold) tell('Normal', 'ResizeCompleted', 'Pod resize completed');
    memory.resizeTold = under;
  }

  private async collectMessages(): Promise<void> {
    const { observed, memory } = this.live;
    const { paths } = this.context.execution;
    for (const container of observed.containers) {
      if (container.state !== 'exited' || memory.messages.has(container.id)) continue;
      memory.messages.set(container.id, await terminationMessage(paths.files, container));
    }
  }

  private withReported(pod: Pod): Pod {
    if (!this.reported) return pod;
    const own = new Set(OWNED);
    const conditions: PodCondition[] = [
      ...(this.reported.conditions ?? []).filter((condition) => own.has(condition.type)),
      ...(pod.status?.conditions ?? []).filter((condition) => !own.has(condition.type)),
    ];
    return { ...pod, status: { ...pod.status, ...this.reported, conditions } };
  }

  private report(pod: Pod, now: number): void {
    const { observed, memory, removed } = this.live;
    if (removed) return;
    // While a pod is taken apart its last full status stands.
    const terminal = isTerminal(this.wanted.status) || memory.cleaned !== 'no';
    const over = terminal || pod.metadata.deletionTimestamp !== undefined;
    if (over && memory.admitted !== false && observed.containers.length === 0) return;
    const { node } = this.context.execution;
    const { runtimeName } = this.context;
    const status = podStatus({ pod, observed, memory, now, runtimeName, hostIPs: node.hostIPs });
    this.reported = status;
    this.context.writer.set(this.live.pod, status);
  }

  private begin(step: Step): void {
    const { memory, pod } = this.live;
    const { execution, observer, logger } = this.context;
    if (memory.inFlight.has(step.key)) return;
    memory.inFlight.add(step.key);
    execute(execution, this.live, step)
      .catch(async (error) => {
        logger.warn('step failed', { pod: podKey(pod), step: step.type, error });
        await new Promise((resolve) => setTimeout(resolve, UNEXPECTED_RETRY));
      })
      .then(() => (changesRuntime(step) ? observer.observe(pod.metadata.uid) : undefined))
      .catch((error) => logger.warn('pod not observed', { pod: podKey(pod), error }))
      .finally(() => {
        memory.inFlight.delete(step.key);
        this.wake();
      });
  }

  private wakeIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wake(), Math.min(Math.max(ms, 0) + 1, 2 ** 31 - 1));
  }
}

function resizeSummary({ spec, metadata }: Pod): string {
  const of = (containers: Container[] | undefined) =>
    containers?.length ? containers.map(({ name, resources = {} }) => ({ name, resources })) : undefined;
  const summary = { initContainers: of(spec.initContainers), containers: of(spec.containers) };
  return JSON.stringify({ ...summary, generation: metadata.generation });
}

function changesRuntime(step: Step): boolean {
  return ![
    'makeCgroup',
    'mountVolumes',
    'ensureImage',
    'noteBackoff',
    'preStop',
    'cleanUp',
    'deletePod',
    'resizePod',
  ].includes(step.type);
}
