import { formatMicroTime, isNotFound, type KubeObject } from '#apimachinery';
import { type Client, type Clock, type Logger, referenceTo } from '#client';

const EVENTS = { group: 'events.k8s.io', version: 'v1', resource: 'events' };

/** Events that may wait to be written; beyond that the newest are dropped, and how many is logged. */
const QUEUE_LIMIT = 20_000;
/** Written at a time: enough to fill a group commit, few enough to let bindings through. */
const CONCURRENCY = 64;
/** A repeated event within this time only raises a count. Milliseconds. */
const SERIES_IDLE = 360_000;
/** The count is written for the first repeat, and then no more often than this. */
const SERIES_REFRESH = 60_000;
const REMEMBERED = 4_096;
/** `note` is at most this long. */
const NOTE_LIMIT = 1_024;

interface Known {
  name: string;
  namespace: string;
  count: number;
  at: number;
  writtenAt: number;
}

interface Pending {
  pod: KubeObject;
  type: 'Normal' | 'Warning';
  reason: string;
  action: string;
  note: string;
  related?: KubeObject;
}

export interface EventSinkOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** `reportingController`: the profile's name. */
  controller: string;
  instance: string;
}

/** Writes events.k8s.io/v1 Events about pods in the background, many at a time, so that no decision waits for one. */
export class EventSink {
  private readonly options: EventSinkOptions;
  private readonly queue: Pending[] = [];
  private readonly known = new Map<string, Known>();
  private head = 0;
  private running = 0;
  private dropped = 0;
  private sequence = 0;
  private idle: (() => void)[] = [];

  constructor(options: EventSinkOptions) {
    this.options = options;
  }

  scheduled(pod: KubeObject, node: string): void {
    const { namespace, name } = pod.metadata;
    const note = `Successfully assigned ${namespace}/${name} to ${node}`;
    this.add({ pod, type: 'Normal', reason: 'Scheduled', action: 'Binding', note });
  }

  preempted(victim: KubeObject, preemptor: KubeObject, node: string): void {
    const note = `Preempted by pod ${preemptor.metadata.uid} on node ${node}`;
    const event = { reason: 'Preempted', action: 'Preempting', note };
    this.add({ pod: victim, type: 'Normal', related: preemptor, ...event });
  }

  failedScheduling(pod: KubeObject, message: string): void {
    const note = message.length > NOTE_LIMIT ? `${message.slice(0, NOTE_LIMIT - 4)} ...` : message;
    this.add({ pod, type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note });
  }

  /** Resolves when nothing waits to be written. */
  flush(): Promise<void> {
    if (this.running === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private add(event: Pending): void {
    if (this.queue.length - this.head >= QUEUE_LIMIT) {
      if (this.dropped++ === 0) this.options.logger.warn('too many events, dropping some');
      return;
    }
    this.queue.push(event);
    if (this.running < CONCURRENCY) void this.drain();
  }

  private async drain(): Promise<void> {
    this.running++;
    // After the caller has done what matters more.
    await Promise.resolve();
    while (this.head < this.queue.length) {
      const event = this.queue[this.head++]!;
      if (this.head > 1_024 && this.head * 2 > this.queue.length) {
        this.queue.splice(0, this.head);
        this.head = 0;
      }
      try {
        await this.write(event);
      } catch (error) {
        const { namespace, name } = event.pod.metadata;
        this.options.logger.warn('event not written', { pod: `${namespace}/${name}`, reason: event.reason, error });
      }
    }
    if (--this.running > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
    if (this.dropped > 0) this.options.logger.warn('events dropped', { count: this.dropped });
    this.dropped = 0;
  }

  private async write({ pod, type, reason, action, note, related }: Pending): Promise<void> {
    const { client, clock, controller, instance } = this.options;
    const now = clock.now();
    const regarding = referenceTo(pod);
    const namespace = regarding.namespace || 'default';
    const key = type === 'Warning' ? `${regarding.uid}|${reason}|${note}` : '';
    const known = key ? this.known.get(key) : undefined;
    if (known && now - known.at < SERIES_IDLE) {
      known.count++;
      known.at = now;
      if (known.count > 2 && now - known.writtenAt < SERIES_REFRESH) return;
      known.writtenAt = now;
      const series = { count: known.count, lastObservedTime: formatMicroTime(new Date(now)) };
      const patch = { series };
      try {
        await client.patch(EVENTS, known.namespace, known.name, 'application/strategic-merge-patch+json', patch);
        return;
      } catch (error) {
        // Somebody deleted it, or its time was over: the next one begins a series of its own.
        if (!isNotFound(error)) throw error;
      }
    }
    // Nanoseconds as upstream; the low digits keep names of one millisecond apart.
    const stamp = BigInt(Math.trunc(now)) * 1_000_000n + BigInt(this.sequence++ % 1_000_000);
    const name = `${regarding.name}.${stamp.toString(16)}`;
    if (key) this.remember(key, { name, namespace, count: 1, at: now, writtenAt: now });
    await client.create<KubeObject>(EVENTS, namespace, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace },
      eventTime: formatMicroTime(new Date(now)),
      reportingController: controller,
      reportingInstance: instance,
      action,
      reason,
      regarding,
      ...(related ? { related: referenceTo(related) } : {}),
      note,
      type,
    });
  }

  private remember(key: string, known: Known): void {
    this.known.delete(key);
    this.known.set(key, known);
    if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value!);
  }
}
