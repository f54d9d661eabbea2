import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Client, type Clock, LeaderElection, type Logger, type SharedInformers } from '#client';
import { gvr, type Node, type PersistentVolume, type PersistentVolumeClaim, type StorageClass } from '#kinds';
import type { MetricsRegistry, Tracer } from '#telemetry';
import { EventSink } from './event-sink.js';
import { createSchedCore, nativePlugins, type ScoringStrategy } from './native.js';
import { Scheduler } from './scheduler.js';
import { SchedulerMetrics } from './scheduler-metrics.js';

/** The identity that the scheduler's client should have. */
export const SCHEDULER = 'system:kube-scheduler';
/** The one profile, and the name that pods ask for when they name no scheduler. */
export const DEFAULT_SCHEDULER = 'default-scheduler';

export interface StartSchedulerOptions {
  /** Acts as `system:kube-scheduler`. */
  client: Client;
  informers: SharedInformers;
  clock: Clock;
  /** 0 <= x < 1. */
  random: () => number;
  logger: Logger;
  metrics: MetricsRegistry;
  tracer: Tracer;
  /** Ends the scheduler; the promise resolves when bindings under way are written. */
  signal: AbortSignal;
  /** Fixes how ties between equally good nodes are broken. */
  seed?: number;
  scoring?: ScoringStrategy;
  /** Without leader election it starts at once: for tests, and where nobody else can be there. */
  leaderElect?: boolean;
  /** Name of this process in the Lease. One that its successor has, too, lets that one lead at once. Default: a new one. */
  leaderIdentity?: string;
}

/**
 * Schedules pods while this process holds the Lease `kube-system/kube-scheduler`. Resolves after the signal has fired,
 * or with true when leadership was lost before: its state is stale then, and it has to be started anew.
 */
export async function startScheduler(options: StartSchedulerOptions): Promise<boolean> {
  const { client, clock, random, logger, metrics, signal, informers } = options;
  const core = (resource: string) => informers.for({ group: '', version: 'v1', resource });
  const identity = options.leaderIdentity ?? `${hostname()}_${randomUUID()}`;
  const scheduler = new Scheduler({
    client,
    clock,
    logger,
    createCore: () => createSchedCore(options.seed ?? random(), options.scoring),
    plugins: nativePlugins(),
    metrics: new SchedulerMetrics(metrics, DEFAULT_SCHEDULER),
    tracer: options.tracer,
    events: new EventSink({
      client,
      clock,
      logger,
      controller: DEFAULT_SCHEDULER,
      instance: `${DEFAULT_SCHEDULER}-${hostname()}`,
    }),
    pods: core('pods'),
    nodes: informers.for<Node>(gvr.nodes),
    claims: informers.for<PersistentVolumeClaim>(gvr.persistentvolumeclaims),
    volumes: informers.for<PersistentVolume>(gvr.persistentvolumes),
    classes: informers.for<StorageClass>(gvr.storageclasses),
    namespaces: core('namespaces'),
    schedulerName: DEFAULT_SCHEDULER,
  });
  informers.start(signal);
  const lead = (term: AbortSignal) => scheduler.run(term);
  if (options.leaderElect === false) {
    await lead(signal);
    return false;
  }
  const lease = { namespace: 'kube-system', name: 'kube-scheduler' };
  return new LeaderElection({ client, clock, random, logger, metrics, identity, ...lease }).run(signal, lead);
}
