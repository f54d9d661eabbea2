import type { EventRecorder, Logger } from '#client';
import type { Node } from '#kinds';
import { type Pod, podKey, type ResourceList } from '../pod/pod.js';
import type { PodFailure } from '../pod/pod-memory.js';
import { isStatic } from '../pod/pod-source.js';
import { type Refusal, refusal } from './admission.js';
import { podsToPreempt } from './preemption.js';

/** A pod that holds resources of the node. */
export interface Occupant {
  readonly pod: Pod;
  /** It is being stopped: what it has will soon be free. */
  readonly leaving: boolean;
  /** It is being stopped by the agent itself. */
  readonly ended: boolean;
  /** Stops the pod for good. */
  end(failure: PodFailure): void;
}

export interface PodAdmissionOptions {
  /** The last known state; `refresh` asks the API server, and gives the same when that is away. */
  node(refresh: boolean): Promise<Node>;
  allocatable: ResourceList;
  occupants(): Occupant[];
  /** Conditions of the node that keep new pods away. */
  pressure(): readonly string[];
  unsafeSysctls: readonly string[];
  /** The kernel confines programs by AppArmor. */
  appArmor: boolean;
  /** All pods that run here are known. */
  isComplete(): boolean;
  events: EventRecorder;
  logger: Logger;
}

const PREEMPTED: PodFailure = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
};

/** Decides once for each pod whether it may run here, one after another. */
export class PodAdmission {
  constructor(private readonly options: PodAdmissionOptions) {}

  /** `admit` is called before anything else can be decided; 'later': there is nothing to say yet. */
  async decide(pod: Pod, admit: () => void): Promise<Refusal | 'admitted' | 'later'> {
    if (!this.options.isComplete() && !isStatic(pod)) return 'later';
    const { node, occupants } = this.options;
    let current = await node(false);
    let refused = this.check(pod, current, occupants());
    if (refused?.ofNode) {
      // The kept copy of the node may lag behind the scheduler's.
      current = await node(true);
      refused = this.check(pod, current, occupants());
    }
    if (!refused) {
      admit();
      return 'admitted';
    }
    return refused.lacking ? this.makeRoom(pod, current) : refused;
  }

  private check(pod: Pod, node: Node, occupants: readonly Occupant[]): Refusal | undefined {
    const { pressure, unsafeSysctls, appArmor } = this.options;
    const allocatable = { ...node.status?.allocatable, ...this.options.allocatable };
    const others = occupants.map((occupant) => occupant.pod);
    return refusal({ pod, node, allocatable, others, pressure: pressure(), unsafeSysctls, appArmor });
  }

  private makeRoom(pod: Pod, node: Node): Refusal | 'later' {
    const { occupants, events, logger } = this.options;
    const staying = occupants().filter(({ leaving }) => !leaving);
    const lacking = this.check(pod, node, staying)?.lacking;
    if (!lacking) return 'later';
    const others = staying.map((occupant) => occupant.pod);
    const chosen = podsToPreempt(pod, others, lacking);
    if (!chosen) {
      const amounts = lacking.map(({ resource, requested, used, capacity }) => {
        return `(res: ${resource}, q: ${requested - (capacity - used)}), `;
      });
      const why = `no set of running pods found to reclaim resources: [${amounts.join('')}]`;
      const message = `preemption: error finding a set of pods to preempt: ${why}`;
      return {
        reason: 'UnexpectedAdmissionError',
        message: `Unexpected error while attempting to recover from admission failure: ${message}`,
      };
    }
    for (const occupant of staying.filter((candidate) => chosen.includes(candidate.pod))) {
      logger.info('preempting a pod for a critical one', { pod: podKey(occupant.pod), for: podKey(pod) });
      events.event(occupant.pod, 'Warning', PREEMPTED.reason, PREEMPTED.message);
      occupant.end(PREEMPTED);
    }
    return 'later';
  }
}
