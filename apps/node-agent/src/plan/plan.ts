import {
  isLive,
  newest,
  type ObservedContainer,
  type ObservedPod,
  type ObservedSandbox,
} from '../observe/observed-pod.js';
import { containerHash } from '../pod/labels.js';
import { type Container, type ContainerKind, isSidecar, type Pod } from '../pod/pod.js';
import type { ImageProgress, PodMemory } from '../pod/pod-memory.js';
import { backoffOf, CRASH_LOOP, raise, waitUntil } from './backoff.js';
import { outcome, restarts } from './phase.js';
import type { PlanInput } from './pod-state.js';
import { pendingChanges } from './resize.js';
import type { KillReason, Plan, Step } from './steps.js';
import { DEFAULT_GRACE, planTermination } from './termination.js';
import { allMounted, planMounts } from './volumes.js';

/** Milliseconds. */
const PULL_ERROR_SHOWN = 1500;
/** How often a resize is looked at that the node has no room for. */
const DEFERRED_RETRY = 5000;

/** Pure: from what should be, what is, what was tried and the time, to the steps that may begin now. */
export function plan(input: PlanInput): Plan {
  const { pod, observed, memory } = input;
  const deleted = input.removed || pod.metadata.deletionTimestamp !== undefined;
  if (deleted) return planTermination(input, 'delete');
  if (outcome(pod, observed, memory)) return planTermination(input, 'finish');
  return new Planner(input).plan();
}

class Planner {
  private readonly steps: Step[] = [];
  private wakeAt: number | undefined;
  private readonly pod: Pod;
  private readonly observed: ObservedPod;
  private readonly memory: PodMemory;
  private readonly now: number;

  constructor(input: PlanInput) {
    this.pod = input.pod;
    this.observed = input.observed;
    this.memory = input.memory;
    this.now = input.now;
  }

  plan(): Plan {
    this.deadline();
    this.prepare();
    const sandbox = this.sandbox();
    if (sandbox !== 'none') this.containers(sandbox);
    this.collectGarbage(sandbox === 'none' ? undefined : sandbox);
    return { steps: this.steps.filter((step) => !this.memory.inFlight.has(step.key)), wakeAt: this.wakeAt };
  }

  private wake(at: number): void {
    if (this.wakeAt === undefined || at < this.wakeAt) this.wakeAt = at;
  }

  /** True when a failed try may be repeated; otherwise a wake-up is set. */
  private mayRetry(failure: { retryAt?: number } | undefined): boolean {
    if (failure?.retryAt === undefined || failure.retryAt <= this.now) return true;
    this.wake(failure.retryAt);
    return false;
  }

  private deadline(): void {
    const { activeDeadlineSeconds } = this.pod.spec;
    const { startTime } = this.pod.status ?? {};
    if (activeDeadlineSeconds === undefined || !startTime) return;
    this.wake(Date.parse(startTime) + activeDeadlineSeconds * 1000);
  }

  private prepare(): void {
    const memory = this.memory;
    if (!memory.cgroupReady) this.steps.push({ type: 'makeCgroup', key: 'cgroup' });
    const { steps, wakeAt } = planMounts(this.pod, memory, this.now);
    this.steps.push(...steps);
    if (wakeAt !== undefined) this.wake(wakeAt);
  }

  /** The sandbox to start containers in; undefined while there is none yet; 'none' when none is wanted now. */
  private sandbox(): ObservedSandbox | undefined | 'none' {
    const ready = this.observed.sandboxes.filter((sandbox) => sandbox.ready);
    const current = ready[0];
    for (const extra of ready.slice(1))
      this.steps.push({ type: 'stopSandbox', key: `sandbox:${extra.id}`, id: extra.id });
    if (current) return current;
    const live = this.observed.containers.filter(isLive);
    if (live.length > 0) {
      for (const container of live) {
        this.kill(container, 'SandboxGone', 'Pod sandbox changed, it will be killed and re-created.', this.grace());
      }
      return 'none';
    }
    for (const dead of this.observed.sandboxes) {
      if (!this.memory.stoppedSandboxes.has(dead.id)) {
        this.steps.push({ type: 'stopSandbox', key: `sandbox:${dead.id}`, id: dead.id });
      }
    }
    if (this.memory.cgroupReady && this.mayRetry(this.memory.sandboxFailure)) {
      const attempt = Math.max(-1, ...this.observed.sandboxes.map((sandbox) => sandbox.attempt)) + 1;
      this.steps.push({ type: 'runSandbox', key: 'sandbox', attempt });
    }
    return undefined;
  }

  private containers(sandbox: ObservedSandbox | undefined): void {
    this.checkLive();
    this.resize();
    const sequence = { blocked: this.startsInFlight() };
    for (const container of this.pod.spec.ephemeralContainers ?? []) {
      const last = newest(this.observed, container.name);
      if (!last || last.state === 'created') this.start(container, 'ephemeral', sandbox, { blocked: false });
    }
    const init = this.pod.spec.initContainers ?? [];
    if (this.mainStarted(sandbox)) {
      for (const container of init) {
        if (isSidecar(container, 'init') && this.isDown(container, sandbox)) {
          this.start(container, 'init', sandbox, sequence);
        }
      }
    } else if (!this.initialize(init, sandbox, sequence)) return;
    for (const container of this.pod.spec.containers) {
      const last = newest(this.observed, container.name);
      if (!this.isDown(container, sandbox)) continue;
      if (last?.state === 'exited' && !restarts(this.pod, container, false, last.exitCode)) continue;
      this.start(container, 'container', sandbox, sequence);
    }
  }

  /** Starts the next init container if it is due; true when all are done. */
  private initialize(init: Container[], sandbox: ObservedSandbox | undefined, sequence: { blocked: boolean }): boolean {
    for (const container of init) {
      const last = newest(this.observed, container.name);
      const here = last && sandbox && last.sandboxId === sandbox.id ? last : undefined;
      if (isSidecar(container, 'init')) {
        if (here?.state === 'running') {
          const results = this.memory.probes.get(here.id);
          if (container.startupProbe && results?.startup !== 'success') return false;
          if (this.memory.inFlight.has(`container:${container.name}`)) return false;
          continue;
        }
      } else if (here?.state === 'exited' && here.exitCode === 0) continue;
      if (here?.state !== 'running') this.start(container, 'init', sandbox, sequence);
      return false;
    }
    return true;
  }

  private mainStarted(sandbox: ObservedSandbox | undefined): boolean {
    if (!sandbox) return false;
    return this.pod.spec.containers.some((container) =>
      this.observed.containers.some((other) => other.name === container.name && other.sandboxId === sandbox.id),
    );
  }

  private startsInFlight(): boolean {
    for (const key of this.memory.inFlight) if (key.startsWith('container:')) return true;
    return false;
  }

  /** Not running in this sandbox. */
  private isDown(container: Container, sandbox: ObservedSandbox | undefined): boolean {
    const last = newest(this.observed, container.name);
    return !last || !sandbox || last.sandboxId !== sandbox.id || last.state !== 'running';
  }

  private start(
    container: Container,
    kind: ContainerKind,
    sandbox: ObservedSandbox | undefined,
    sequence: { blocked: boolean },
  ): void {
    const key = `container:${container.name}`;
    const last = newest(this.observed, container.name);
    if (sequence.blocked || this.memory.inFlight.has(key)) return;
    if (last?.state === 'created') {
      // Made but never started: the runtime or the agent died in between. It has the name that the next one needs.
      sequence.blocked = true;
      this.remove(last);
      return;
    }
    const restartCount = last ? last.restartCount + 1 : 0;
    let backoff: ReturnType<typeof raise> | undefined;
    if (last?.state === 'exited') {
      const entry = backoffOf(this.memory.backoffs.get(container.name), container, last.hash);
      const until = waitUntil(entry, last.finishedAt, CRASH_LOOP);
      // A start that failed because its sandbox was going says nothing of the container.
      const diedWithSandbox = last.reason === 'StartError' && last.sandboxId !== sandbox?.id;
      if (until > this.now && !diedWithSandbox) {
        this.announce(container.name, 'crash', last.id);
        this.wake(until);
        return;
      }
      backoff = raise(entry, last.finishedAt, this.now, CRASH_LOOP);
    }
    const failure = this.memory.startFailures.get(container.name);
    // In another sandbox it may well start.
    if (failure?.sandboxId === sandbox?.id && !this.mayRetry(failure)) return;
    const imageRef = this.imageFor(container, kind, restartCount, sequence);
    if (imageRef === undefined) return;
    sequence.blocked = true;
    if (!sandbox || !allMounted(this.pod, this.memory)) return;
    this.steps.push({
      type: 'startContainer',
      key,
      container: container.name,
      kind,
      sandboxId: sandbox.id,
      restartCount,
      imageRef,
      ...(backoff ? { backoff } : {}),
    });
  }

  /** What to give the runtime; undefined while the image is not on the node, which a step or a wake-up then sees to. */
  private imageFor(
    container: Container,
    kind: ContainerKind,
    restartCount: number,
    sequence: { blocked: boolean },
  ): string | undefined {
    const { name } = container;
    const tried = this.memory.images.get(name);
    const image = tried?.restartCount === restartCount && tried.image === container.image ? tried : undefined;
    if (image?.imageRef) return image.imageRef;
    if (image?.failure && !this.mayRetry(image)) {
      this.imageBackoff(name, image);
      return undefined;
    }
    sequence.blocked = true;
    this.steps.push({ type: 'ensureImage', key: `image:${name}`, container: name, kind, restartCount });
    return undefined;
  }

  private announce(name: string, cause: 'crash' | 'image', what: string): void {
    const key = `backoff:${name}:${what}`;
    if (!this.memory.announcedBackoffs.has(key)) {
      this.steps.push({ type: 'announceBackoff', key, container: name, cause });
    }
  }

  /** A failed pull stands as ErrImagePull for a moment, so that clients see both reasons. */
  private imageBackoff(name: string, image: ImageProgress): void {
    if (!image.pulled || image.retryAt === undefined) return;
    const backedOffAt = image.retryAt - (image.delay ?? 0) + PULL_ERROR_SHOWN;
    if (backedOffAt > this.now) this.wake(backedOffAt);
    else this.announce(name, 'image', String(image.retryAt));
  }

  /** Kills what must not run on as it is: the plan sees it exited next time and starts it anew. */
  private checkLive(): void {
    const lists: [Container[], ContainerKind][] = [
      [this.pod.spec.initContainers ?? [], 'init'],
      [this.pod.spec.containers, 'container'],
    ];
    for (const [containers, kind] of lists) {
      for (const container of containers) {
        const last = newest(this.observed, container.name);
        if (!last || !isLive(last) || this.memory.inFlight.has(`container:${container.name}`)) continue;
        const name = container.name;
        if (last.state === 'unknown') {
          this.kill(
            last,
            'Unknown',
            `Container ${name} is in unknown state, try killing it before restart`,
            this.grace(),
          );
          continue;
        }
        if (last.state !== 'running') continue;
        const results = this.memory.probes.get(last.id);
        if (last.hash !== '' && last.hash !== containerHash(container) && kind !== 'init') {
          this.kill(last, 'SpecChanged', `Container ${name} definition changed, will be restarted`, this.grace());
        } else if (results?.liveness === 'failure') {
          const grace = container.livenessProbe?.terminationGracePeriodSeconds ?? this.grace();
          this.kill(
            last,
            'Liveness',
            `Container ${name} failed liveness probe${this.restartNote(container, kind)}`,
            grace,
          );
        } else if (results?.startup === 'failure') {
          const grace = container.startupProbe?.terminationGracePeriodSeconds ?? this.grace();
          this.kill(
            last,
            'Startup',
            `Container ${name} failed startup probe${this.restartNote(container, kind)}`,
            grace,
          );
        }
      }
    }
  }

  private resize(): void {
    const memory = this.memory;
    if (memory.resizePending?.reason === 'Deferred') this.wake(this.now + DEFERRED_RETRY);
    if (!memory.cgroupReady) return;
    const changes = pendingChanges(this.pod, this.observed, memory);
    for (const { container, observed } of changes.filter(({ restart }) => restart)) {
      this.kill(observed, 'Resize', `Container ${container.name} resize requires restart`, this.grace());
    }
    const update = memory.cgroupStale || changes.some(({ restart }) => !restart);
    if (update && this.mayRetry(memory.resizeFailure)) this.steps.push({ type: 'resizePod', key: 'resize' });
  }

  private restartNote(container: Container, kind: ContainerKind): string {
    return restarts(this.pod, container, isSidecar(container, kind), 137) ? ', will be restarted' : '';
  }

  private grace(): number {
    return this.pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE;
  }

  private kill(container: ObservedContainer, reason: KillReason, message: string, graceSeconds: number): void {
    const key = `kill:${container.id}`;
    this.steps.push({
      type: 'killContainer',
      key,
      id: container.id,
      container: container.name,
      graceSeconds,
      reason,
      message,
    });
  }

  /** Of each container the newest dead one stays, for its logs and its last state. */
  private collectGarbage(sandbox: ObservedSandbox | undefined): void {
    const kept = new Set<string>();
    for (const container of this.observed.containers) {
      const isNewest = newest(this.observed, container.name) === container;
      const starting = this.memory.inFlight.has(`container:${container.name}`);
      if (container.state === 'created' && !starting && !isNewest) this.remove(container);
      if (container.state !== 'exited') continue;
      if (kept.has(container.name)) this.remove(container);
      else kept.add(container.name);
    }
    const removing = new Set(this.steps.map((step) => step.key));
    for (const old of this.observed.sandboxes) {
      if (old.ready || old === sandbox || !sandbox) continue;
      const used = this.observed.containers.some(
        (container) => container.sandboxId === old.id && !removing.has(`remove:${container.id}`),
      );
      if (!used) this.steps.push({ type: 'removeSandbox', key: `remove:${old.id}`, id: old.id });
    }
  }

  private remove(container: ObservedContainer): void {
    this.steps.push({ type: 'removeContainer', key: `remove:${container.id}`, id: container.id });
  }
}
