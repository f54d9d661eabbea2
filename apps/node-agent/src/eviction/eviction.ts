import type { KubeObject } from '#apimachinery';
import { delay, type EventRecorder, type Logger, realClock } from '#client';
import { type PressureCondition, SIGNALS, type Threshold } from '#settings';
import type { Occupant } from '../admission/pod-admission.js';
import type { ImageCollector } from '../images/image-collector.js';
import { podKey } from '../pod/pod.js';
import { isCritical } from '../pod/pod-source.js';
import { evictionMessage } from './eviction-message.js';
import { evicted } from './pod-usage.js';
import {
  activeConditions,
  crossed,
  type LastSeen,
  type NodeMeasure,
  type Observations,
  observations,
  recordConditions,
} from './pressure.js';
import { rankForEviction } from './ranking.js';
import { exceededStorage, hasStorageLimits } from './storage-limits.js';
import type { UsageReader } from './usage-reader.js';

/** Between looks at the node, and how long one eviction may take before the next is thought of. Milliseconds. */
const INTERVAL = 10_000;
const CLEANUP_LIMIT = 30_000;
const CLEANUP_POLL = 200;

export interface Resident extends Occupant {
  /** It has ended, and its volumes and cgroup are gone as well. */
  readonly released: boolean;
}

export interface EvictionOptions {
  thresholds: readonly Threshold[];
  measure(): Promise<NodeMeasure>;
  usages: UsageReader;
  images: Pick<ImageCollector, 'removeUnused'>;
  /** Removes dead containers of pods that have ended. */
  discardEnded(): Promise<void>;
  occupants(): Resident[];
  /** What events are about. */
  node(): KubeObject;
  events: EventRecorder;
  logger: Logger;
  now(): number;
}

/** Frees the node of pods when it runs short of something, one pod at a time, and of pods that use more disk than they may. */
export class Eviction {
  private seen: LastSeen = new Map();

  constructor(private readonly options: EvictionOptions) {}

  /** What new pods, and the control plane, should know of the node. */
  get conditions(): PressureCondition[] {
    return activeConditions(this.seen, this.options.now());
  }

  /** Looks until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let leaving: Resident[] = [];
      try {
        leaving = await this.synchronize();
      } catch (error) {
        this.options.logger.warn('the node could not be checked for pressure', { error });
      }
      if (leaving.length > 0) await this.untilReleased(leaving, signal);
      else await delay(realClock, INTERVAL, signal);
    }
  }

  /** One look. Gives the pods that it has evicted. */
  async synchronize(): Promise<Resident[]> {
    const { thresholds, measure, now } = this.options;
    const node = await measure();
    const observed = observations(node);
    const met = crossed(thresholds, observed);
    this.seen = recordConditions(this.seen, met, now());
    const beyond = await this.evictBeyondLimits(node);
    if (beyond.length > 0 || met.length === 0) return beyond;
    return this.reclaim(met[0]!, observed, node);
  }

  private async evictBeyondLimits({ filesystems }: NodeMeasure): Promise<Resident[]> {
    const limited = this.candidates().filter(({ pod }) => hasStorageLimits(pod));
    const usages = await this.options.usages.read(limited.map(({ pod }) => pod));
    return limited.filter((occupant) => {
      const usage = usages.get(occupant.pod.metadata.uid);
      const message = usage && exceededStorage(occupant.pod, usage, filesystems.imageIsApart);
      if (message) this.evict(occupant, message);
      return message !== undefined;
    });
  }

  private async reclaim(
    threshold: Threshold,
    observed: Observations,
    { filesystems }: NodeMeasure,
  ): Promise<Resident[]> {
    const { events, node, logger, thresholds, measure, usages } = this.options;
    const { resource } = SIGNALS[threshold.signal];
    logger.warn('the node runs short', { signal: threshold.signal, ...observed[threshold.signal] });
    events.event(node(), 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (hasUnused(threshold, filesystems.imageIsApart)) {
      await this.removeUnused();
      if (crossed(thresholds, observations(await measure())).length === 0) return [];
    }
    const occupants = this.candidates();
    const measured = await usages.read(occupants.map(({ pod }) => pod));
    const candidates = occupants.map((occupant) => {
      return { occupant, pod: occupant.pod, usage: measured.get(occupant.pod.metadata.uid) };
    });
    const [first] = rankForEviction(candidates, threshold.signal, filesystems.imageIsApart);
    if (!first) {
      logger.warn('no pod can be evicted', { signal: threshold.signal });
      return [];
    }
    const message = evictionMessage(first.pod, first.usage, threshold, observed);
    this.evict(first.occupant, message, message);
    return [first.occupant];
  }

  private async removeUnused(): Promise<void> {
    const { discardEnded, images, logger } = this.options;
    try {
      await discardEnded();
      await images.removeUnused();
    } catch (error) {
      logger.warn('unused containers and images not removed', { error });
    }
  }

  private candidates(): Resident[] {
    return this.options.occupants().filter(({ ended, pod }) => !ended && !isCritical(pod));
  }

  private evict(occupant: Resident, message: string, disruption?: string): void {
    const { events, logger } = this.options;
    logger.info('evicting a pod', { pod: podKey(occupant.pod), message });
    events.event(occupant.pod, 'Warning', 'Evicted', message);
    occupant.end(evicted(message, disruption));
  }

  /** Its files go after its containers: a look in between would find the disk as full as before. */
  private async untilReleased(pods: readonly Resident[], signal: AbortSignal): Promise<void> {
    const end = this.options.now() + CLEANUP_LIMIT;
    const left = () => pods.some(({ released }) => !released);
    while (left() && this.options.now() < end && !signal.aborted) await delay(realClock, CLEANUP_POLL, signal);
  }
}

/** Dead containers and unused images lie on the disk that is full. */
function hasUnused({ signal }: Threshold, imageIsApart: boolean): boolean {
  return SIGNALS[signal].condition === 'DiskPressure' && (!imageIsApart || signal.startsWith('imagefs'));
}
