import { isConflict, isNotFound, type KubeObject } from '#apimachinery';
import type { Client, Clock, Informer, Logger } from '#client';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#kinds';
import type { BatchResult, PodFailure, SchedCore } from '#native/sched-core';
import type { Tracer } from '#telemetry';
import { ClusterEvent } from './cluster-event.js';
import { ClusterState, type PodEntry, sameLabels } from './cluster-state.js';
import type { EventSink } from './event-sink.js';
import { type PodCondition, scheduledCondition, writePodStatus } from './pod-condition.js';
import { Preemptor } from './preemptor.js';
import { podProjection } from './projection.js';
import type { ExtensionPoint, SchedulerMetrics, VolumeOperation } from './scheduler-metrics.js';
import type { SchedulerPlugins } from './scheduler-plugins.js';
import { type Queued, SchedulingQueue } from './scheduling-queue.js';
import { ClaimUsers } from './volumes/claim-users.js';
import type { NodeVolumes } from './volumes/node-volumes.js';
import { hasClaims, VOLUME_BINDING } from './volumes/pod-claims.js';
import { VolumeBinder } from './volumes/volume-binder.js';

const PODS = { group: '', version: 'v1', resource: 'pods' };

/** Pods decided in one native call. Enough to fill a group commit; the first of them waits for the last. */
const BATCH = 500;
/** Bindings under way at most: more would only wait in the store. */
const BINDINGS = 2_000;

export interface SchedulerOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** A new core, which knows nothing. */
  createCore(): SchedCore;
  plugins: SchedulerPlugins;
  metrics: SchedulerMetrics;
  tracer: Tracer;
  events: EventSink;
  pods: Informer;
  nodes: Informer<Node>;
  claims: Informer<PersistentVolumeClaim>;
  volumes: Informer<PersistentVolume>;
  classes: Informer<StorageClass>;
  namespaces: Informer;
  /** Pods of other schedulers are counted but not placed. */
  schedulerName: string;
}

/**
 * Gives pods their nodes: informers feed the state and the queue; a cycle pops a batch, lets Rust decide it off the event
 * loop, and binds the outcome while the next cycle runs.
 */
export class Scheduler {
  private readonly options: SchedulerOptions;
  private readonly state: ClusterState;
  private readonly queue: SchedulingQueue<PodEntry>;
  private core: SchedCore;
  /** Pods of a batch that broke the core: as many are decided one at a time, so that the one that did it is alone. */
  private suspects = 0;
  private readonly preemptor: Preemptor;
  private readonly claimUsers = new ClaimUsers();
  private readonly volumes: VolumeBinder;
  private wake: (() => void) | undefined;
  private binding = 0;
  private stopped = false;
  private readonly background = new Set<Promise<void>>();

  constructor(options: SchedulerOptions) {
    this.options = options;
    this.core = options.createCore();
    this.state = new ClusterState(this.core, podProjection(options.plugins.podFields));
    this.preemptor = new Preemptor(options);
    this.volumes = new VolumeBinder({
      ...options,
      otherUsers: (key, pod) =>
        this.claimUsers.others(key, pod).flatMap((uid) => {
          const user = this.state.pod(uid);
          return user?.node ? [user.handle] : [];
        }),
    });
    const { clock, metrics } = options;
    this.queue = new SchedulingQueue({
      clock,
      ready: () => this.wake?.(),
      came: (queue, event) => metrics.queued(queue, event),
    });
  }

  /** Schedules until the signal fires; resolves when bindings and statuses under way are written. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodes, pods, claims, volumes, classes, namespaces } = this.options;
    const synced = await Promise.allSettled(
      [nodes, pods, claims, volumes, classes, namespaces].map((informer) => informer.whenSynced(signal)),
    );
    if (signal.aborted || synced.some(({ status }) => status === 'rejected')) return;
    const remove = [
      namespaces.addHandler({
        add: (namespace) => this.state.setNamespace(namespace),
        update: (old, namespace) => {
          if (!sameLabels(old.metadata.labels, namespace.metadata.labels)) this.state.setNamespace(namespace);
        },
        delete: (namespace) => this.state.removeNamespace(namespace.metadata.name!),
      }),
      nodes.addHandler({
        add: (node) => this.queue.happened(this.state.setNode(node)),
        update: (_, node) => this.queue.happened(this.state.setNode(node)),
        delete: (node) => {
          this.queue.happened(this.state.removeNode(node.metadata.name!));
          this.volumes.happened();
        },
      }),
      pods.addHandler({
        add: (pod) => this.podChanged(pod),
        update: (old, pod) => {
          if (old.metadata.uid !== pod.metadata.uid) this.podGone(old);
          this.podChanged(pod);
        },
        delete: (pod) => this.podGone(pod),
      }),
      claims.addHandler(this.claimEvents()),
      volumes.addHandler(this.volumeEvents(ClusterEvent.VolumeChange)),
      classes.addHandler(this.volumeEvents(ClusterEvent.StorageClassChange)),
    ];
    const unfollow = this.options.metrics.follow(() => ({
      sizes: this.queue.sizes,
      rejections: this.queue.rejections,
      binding: this.binding,
      volumeWaits: this.volumes.pods,
    }));
    const stop = () => {
      this.stopped = true;
      this.wake?.();
      this.volumes.happened();
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!this.stopped) await this.cycle();
    } finally {
      signal.removeEventListener('abort', stop);
      for (const undo of remove) undo();
      unfollow();
      this.queue.close();
      await Promise.all(this.background);
      await this.options.events.flush();
    }
  }

  /** A claim matters to the pods that have it, and to no others. */
  private claimEvents() {
    const happened = ({ metadata }: PersistentVolumeClaim) => {
      this.queue.happenedTo(this.podsWith(`${metadata.namespace}/${metadata.name}`), ClusterEvent.ClaimChange);
      this.volumes.happened();
    };
    return {
      add: happened,
      update: (_: PersistentVolumeClaim, claim: PersistentVolumeClaim) => happened(claim),
      delete: () => this.volumes.happened(),
    };
  }

  private *podsWith(claimKey: string): Iterable<PodEntry> {
    for (const uid of this.claimUsers.of(claimKey)) {
      const entry = this.state.pod(uid);
      if (entry) yield entry;
    }
  }

  private volumeEvents(event: number) {
    const happened = () => {
      this.queue.happened(event);
      this.volumes.happened();
    };
    return { add: happened, update: happened, delete: () => this.volumes.happened() };
  }

  private podChanged(pod: KubeObject): void {
    const phase = pod['status']?.phase;
    const spec = pod['spec'];
    const leaves = !spec.nodeName && pod.metadata.deletionTimestamp !== undefined;
    if (phase === 'Succeeded' || phase === 'Failed' || leaves) {
      this.podGone(pod);
      return;
    }
    if (!spec.nodeName && spec.schedulerName !== this.options.schedulerName) return;
    const { entry, events, changed } = this.state.setPod(pod);
    this.claimUsers.add(pod as Pod);
    if (spec.nodeName) {
      this.queue.remove(entry);
      this.queue.happened(events);
      return;
    }
    // Gated pods wait for an update that takes the gates away.
    if (spec.schedulingGates?.length > 0) return;
    if (entry.assumed) return;
    if (changed) this.queue.changed(entry, spec.priority ?? 0);
    this.queue.add(entry, spec.priority ?? 0);
  }

  private podGone(pod: KubeObject): void {
    const entry = this.state.pod(pod.metadata.uid!);
    if (!entry) return;
    this.queue.remove(entry);
    this.claimUsers.remove(pod as Pod);
    this.queue.happened(this.state.removePod(pod.metadata.uid!));
    this.volumes.happened();
  }

  /** One batch, or a wait for something to do. */
  private async cycle(): Promise<void> {
    this.state.settle();
    const room = Math.min(this.suspects > 0 ? 1 : BATCH, BINDINGS - this.binding);
    const popped = room > 0 ? this.queue.pop(room) : [];
    if (popped.length === 0) {
      if (this.stopped) return;
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = undefined;
      return;
    }
    let batch: Queued<PodEntry>[] = [];
    for (const queued of popped) {
      if (!hasClaims(queued.item.pod as Pod)) {
        batch.push(queued);
        continue;
      }
      // What comes before it may take its volumes, and it those of what comes after it.
      await this.decide(batch);
      batch = [];
      await this.decide(this.placeVolumes(queued) ? [queued] : []);
    }
    await this.decide(batch);
  }

  private async decide(popped: readonly Queued<PodEntry>[]): Promise<void> {
    // The native side must not count pods that went while others were decided.
    const batch: Queued<PodEntry>[] = [];
    for (const queued of popped) {
      if (queued.place === 'gone') this.queue.decided(queued);
      else batch.push(queued);
    }
    if (batch.length === 0) return;
    const numbers = new Uint32Array(batch.length * 2);
    for (const [index, { item }] of batch.entries()) {
      numbers[2 * index] = item.handle;
      numbers[2 * index + 1] = item.spec.id;
    }
    const { logger, metrics, tracer, clock } = this.options;
    const startedAt = clock.now();
    let result: BatchResult;
    try {
      result = await tracer.span('schedule', { pods: batch.length }, () => this.core.schedule(numbers));
    } catch (error) {
      logger.error('scheduling failed', { error });
      if (this.core.broken) {
        this.suspects = batch.length === 1 ? Math.max(this.suspects - 1, 0) : batch.length;
        this.rebuild();
      }
      for (const queued of batch) {
        this.queue.decided(queued);
        this.queue.failed(queued);
        metrics.attempt('error', clock.now() - startedAt);
      }
      return;
    }
    metrics.decided(clock.now() - startedAt);
    if (this.suspects > 0) this.suspects--;
    this.act(batch, result, startedAt);
  }

  private rebuild(): void {
    this.core = this.options.createCore();
    this.state.rebuild(this.core);
  }

  private act(batch: readonly Queued<PodEntry>[], { slots, failures }: BatchResult, startedAt: number): void {
    const { metrics, clock } = this.options;
    let failure = 0;
    for (const [index, queued] of batch.entries()) {
      const { item } = queued;
      const slot = slots[index]!;
      if (slot === -1) {
        const why = failures[failure++]!;
        this.queue.unschedulable(queued, this.options.plugins.eventsThatHelp(why.plugins), why.plugins);
        metrics.attempt('unschedulable', clock.now() - startedAt);
        if (queued.place !== 'gone') {
          this.reject(item, 'Unschedulable', why.message, this.nominate(item, why));
        }
        continue;
      }
      this.queue.decided(queued);
      // Deleted, or placed by somebody else, while the decision was made: the informer has told the native side.
      if (queued.place === 'gone') continue;
      const node = this.state.assume(item, slot);
      if (node === undefined) this.queue.failed(queued);
      else this.track(this.place(queued, node, startedAt));
    }
  }

  /** Gets the pod its volumes on the node, then the node. */
  private async place(queued: Queued<PodEntry>, node: string, startedAt: number): Promise<void> {
    const pod = queued.item.pod as Pod;
    let operation: VolumeOperation = 'assume';
    try {
      const volumes: NodeVolumes | undefined = await this.timed('Reserve', () => this.volumes.assume(pod, node));
      operation = 'bind';
      const isOver = () => this.stopped || queued.place === 'gone';
      if (volumes) await this.timed('PreBind', () => this.volumes.bind(volumes, node, isOver));
    } catch (error) {
      this.options.metrics.volumesFailed(operation);
      this.unbound(queued, startedAt, error, `running PreBind plugin "${VOLUME_BINDING}": `);
      return;
    }
    await this.bind(queued, node, startedAt);
  }

  private async bind(queued: Queued<PodEntry>, node: string, startedAt: number): Promise<void> {
    const { client, events, metrics, clock } = this.options;
    const { item } = queued;
    const { pod } = item;
    const { namespace, name, uid } = pod.metadata;
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace: namespace!, name: name!, uid: uid! },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    this.binding++;
    try {
      const options = { name: name!, subresource: 'binding' };
      await this.timed('Bind', () => client.create<KubeObject>(PODS, namespace!, binding, options));
      events.scheduled(pod, node);
      const now = clock.now();
      metrics.attempt('scheduled', now - startedAt);
      metrics.bound(queued.attempts, now - queued.timestamp);
    } catch (error) {
      this.unbound(queued, startedAt, error);
    } finally {
      this.binding--;
      if (this.binding === BINDINGS - 1) this.wake?.();
    }
  }

  private async timed<T>(point: ExtensionPoint, work: () => T | Promise<T>): Promise<T> {
    const { clock, metrics } = this.options;
    const begun = clock.now();
    let status: 'Success' | 'Error' = 'Error';
    try {
      const done = await work();
      status = 'Success';
      return done;
    } finally {
      metrics.extensionPoint(point, status, clock.now() - begun);
    }
  }

  /** The pod does not get the node that it was given. */
  private unbound(queued: Queued<PodEntry>, startedAt: number, error: unknown, prefix = ''): void {
    const { metrics, clock } = this.options;
    if (queued.place === 'gone') return;
    this.state.forget(queued.item);
    this.queue.failed(queued);
    this.queue.happened(ClusterEvent.AssignedPodDelete);
    metrics.attempt('error', clock.now() - startedAt);
    if (isNotFound(error) || isConflict(error) || this.stopped) return;
    this.reject(queued.item, 'SchedulerError', `${prefix}${error instanceof Error ? error.message : String(error)}`);
  }

  /** Evicts the victims of a nomination. Returns what the pod's nominated node becomes; undefined: what it is. */
  private nominate({ pod }: PodEntry, { nominated, victims, waits }: PodFailure): string | null | undefined {
    const old: string | undefined = pod['status']?.nominatedNodeName;
    const node = nominated === -1 ? undefined : this.state.nodeOf(nominated);
    if (node === undefined) return old && !waits ? null : undefined;
    if (victims.length > 0) this.options.metrics.preemption(victims.length);
    for (const handle of victims) {
      const victim = this.state.podOf(handle);
      if (victim) this.track(this.preemptor.evict(victim.pod, pod, node));
    }
    return node === old ? undefined : node;
  }

  /** Tells the user: an event each time, the condition only when it changes. */
  private reject(item: PodEntry, reason: PodCondition['reason'], message: string, nominated?: string | null): void {
    const { client, clock, events, logger } = this.options;
    events.failedScheduling(item.pod, message);
    const condition = scheduledCondition(item.pod, reason, message, clock.now());
    if (condition || nominated !== undefined) {
      this.track(
        writePodStatus(client, item.pod, condition, nominated).catch((error) => {
          if (isNotFound(error)) return;
          const { namespace, name } = item.pod.metadata;
          logger.warn('pod condition not written', { pod: `${namespace}/${name}`, error });
        }),
      );
    }
  }

  /** Says what the pod's volumes say of nodes. False when no node will do; the pod waits then. */
  private placeVolumes(queued: Queued<PodEntry>): boolean {
    const { item } = queued;
    // `decide` counts it as done.
    if (queued.place === 'gone') return true;
    const verdict = this.volumes.verdict(item.pod as Pod);
    const why = verdict && 'why' in verdict ? verdict.why : undefined;
    if (why === undefined) {
      this.state.setVolumeRules(item, verdict && 'rules' in verdict ? verdict.rules : undefined);
      return true;
    }
    const none = `0/${this.state.nodeCount} nodes are available:`;
    const helpless = `${this.state.nodeCount} Preemption is not helpful for scheduling.`;
    this.queue.unschedulable(queued, this.options.plugins.eventsThatHelp([VOLUME_BINDING]), [VOLUME_BINDING]);
    this.reject(item, 'Unschedulable', `${none} ${why}. preemption: ${none} ${helpless}`);
    return false;
  }

  private track(work: Promise<void>): void {
    this.background.add(work);
    void work.finally(() => this.background.delete(work));
  }
}
