import { formatTime, isNotFound, type KubeObject } from '#apimachinery';
import type { Client, Clock, Logger } from '#client';
import type { EventSink } from './event-sink.js';
import { writePodStatus } from './pod-condition.js';

const PODS = { group: '', version: 'v1', resource: 'pods' };

export interface PreemptorOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  events: EventSink;
  schedulerName: string;
}

/** Evicts pods of lower priority: says why in their status, deletes them, and tells both sides' readers. */
export class Preemptor {
  private readonly options: PreemptorOptions;
  /** By uid: pods on their way out already. */
  private readonly leaving = new Set<string>();

  constructor(options: PreemptorOptions) {
    this.options = options;
  }

  /** Never rejects: the pod that needs the room is tried again in any case. */
  async evict(victim: KubeObject, preemptor: KubeObject, node: string): Promise<void> {
    const { client, clock, events, logger, schedulerName } = this.options;
    const { namespace, name, uid, deletionTimestamp, generation } = victim.metadata;
    if (deletionTimestamp || this.leaving.has(uid!)) return;
    this.leaving.add(uid!);
    try {
      await writePodStatus(client, victim, {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message: `${schedulerName}: preempting to accommodate a higher priority pod`,
        lastProbeTime: null,
        lastTransitionTime: formatTime(new Date(clock.now())),
        ...(generation !== undefined && { observedGeneration: generation }),
      });
      await client.delete(PODS, namespace!, name!, { preconditions: { uid: uid! } });
      events.preempted(victim, preemptor, node);
    } catch (error) {
      if (!isNotFound(error)) logger.warn('pod not evicted', { pod: `${namespace}/${name}`, error });
    } finally {
      this.leaving.delete(uid!);
    }
  }
}
