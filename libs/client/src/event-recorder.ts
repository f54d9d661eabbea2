import { formatTime, isNotFound, type KubeObject } from '#apimachinery';
import type { Client } from './client.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';

const EVENTS = { group: '', version: 'v1', resource: 'events' };

/** Similar events (all the same but the message) beyond this many within the interval become one. */
const SIMILAR_LIMIT = 10;
const SIMILAR_INTERVAL = 600_000;
/** Spam filter: a source may send this many events about one object at once, and then one each five minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
/** Objects and messages remembered; the oldest are forgotten first. */
const MEMORY = 4096;
const MESSAGE_LIMIT = 1024;
/** Events that may wait to be written; more are dropped. */
const QUEUE_LIMIT = 1000;
/** Events written at a time. */
const LANES = 8;

export interface EventRecorder {
  /**
   * Records in the background; what cannot be written is logged and dropped. `fieldPath` names a part of the object:
   * `spec.containers{web}`.
   */
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
}

export interface EventRecorderOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** `source.component` and `reportingComponent`. */
  component: string;
  /** `source.host`: the node's name, for agents. */
  host?: string;
}

interface Written {
  namespace: string;
  name: string;
  count: number;
  firstTimestamp: string;
}

/** Writes core/v1 Events as client-go's recorder does: repeated ones raise a count, floods are joined or dropped. */
export class ApiEventRecorder implements EventRecorder {
  private readonly options: EventRecorderOptions;
  private readonly written = new Map<string, Written>();
  private readonly similar = new Map<string, { messages: Set<string>; at: number }>();
  private readonly buckets = new Map<string, { tokens: number; at: number }>();
  /** Events about one object go out one after another, so that a count never races with its own creation. */
  private readonly lanes: Promise<void>[] = Array.from({ length: LANES }, () => Promise.resolve());
  private waiting = 0;
  private sequence = 0;

  constructor(options: EventRecorderOptions) {
    this.options = options;
  }

  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    const reference = referenceTo(object);
    if (fieldPath) reference.fieldPath = fieldPath;
    const { kind, namespace, name, uid, apiVersion } = reference;
    const subject = [kind, namespace, name, uid, apiVersion, fieldPath ?? ''].join('|');
    if (this.waiting >= QUEUE_LIMIT || !this.admit(subject)) return;
    const text = message.slice(0, MESSAGE_LIMIT);
    const lane = laneOf(subject);
    this.waiting++;
    this.lanes[lane] = this.lanes[lane]!.then(() => this.record(reference, subject, type, reason, text)).finally(
      () => this.waiting--,
    );
  }

  /** Resolves when what was recorded so far is written or dropped. */
  async flush(): Promise<void> {
    await Promise.all(this.lanes);
  }

  private async record(
    reference: ObjectReference,
    subject: string,
    type: string,
    reason: string,
    text: string,
  ): Promise<void> {
    const { client, clock, logger } = this.options;
    const group = [subject, type, reason].join('|');
    const joined = this.isFlood(group, text);
    const message = joined ? `(combined from similar events): ${text}` : text;
    const key = joined ? group : `${group}|${text}`;
    const now = formatTime(new Date(clock.now()));
    const known = this.written.get(key);
    try {
      if (known) {
        const patch = { count: known.count + 1, lastTimestamp: now, message };
        try {
          await client.patch(EVENTS, known.namespace, known.name, 'application/strategic-merge-patch+json', patch);
          known.count++;
          return;
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }
      const event = this.build(reference, type, reason, message, now, known);
      await client.create<KubeObject>(EVENTS, event.metadata.namespace!, event);
      remember(this.written, key, {
        namespace: event.metadata.namespace!,
        name: event.metadata.name!,
        count: event['count'],
        firstTimestamp: event['firstTimestamp'],
      });
    } catch (error) {
      logger.warn('event not written', { object: `${reference.namespace}/${reference.name}`, reason, error });
    }
  }

  private build(
    reference: ObjectReference,
    type: string,
    reason: string,
    message: string,
    now: string,
    known: Written | undefined,
  ): KubeObject {
    const { clock, component, host } = this.options;
    // Nanoseconds as upstream; the low digits keep names of one millisecond apart.
    const stamp = BigInt(Math.trunc(clock.now())) * 1_000_000n + BigInt(this.sequence++ % 1_000_000);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${reference.name}.${stamp.toString(16)}`, namespace: reference.namespace || 'default' },
      involvedObject: reference,
      reason,
      message,
      source: host ? { component, host } : { component },
      firstTimestamp: known?.firstTimestamp ?? now,
      lastTimestamp: now,
      count: (known?.count ?? 0) + 1,
      type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  private isFlood(group: string, text: string): boolean {
    const now = this.options.clock.now();
    let entry = this.similar.get(group);
    if (!entry || now - entry.at > SIMILAR_INTERVAL) entry = { messages: new Set(), at: now };
    entry.at = now;
    entry.messages.add(text);
    remember(this.similar, group, entry);
    if (entry.messages.size < SIMILAR_LIMIT) return false;
    const oldest = entry.messages.values().next().value;
    if (entry.messages.size > SIMILAR_LIMIT && oldest !== undefined) entry.messages.delete(oldest);
    return true;
  }

  private admit(subject: string): boolean {
    const now = this.options.clock.now();
    const bucket = this.buckets.get(subject) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL_MS);
    bucket.at = now;
    remember(this.buckets, subject, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

export interface ObjectReference {
  kind: string;
  namespace?: string;
  name: string;
  uid?: string;
  apiVersion: string;
  resourceVersion?: string;
  fieldPath?: string;
}

/** A reference to the object as events carry it. */
export function referenceTo(object: KubeObject): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  const reference: ObjectReference = { kind: object.kind, name: name!, apiVersion: object.apiVersion };
  if (namespace) reference.namespace = namespace;
  if (uid) reference.uid = uid;
  if (resourceVersion) reference.resourceVersion = resourceVersion;
  return reference;
}

function laneOf(subject: string): number {
  let hash = 0;
  for (let i = 0; i < subject.length; i++) hash = (hash * 31 + subject.charCodeAt(i)) | 0;
  return (hash >>> 0) % LANES;
}

/** Puts the entry last, and lets the oldest go when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MEMORY) map.delete(map.keys().next().value!);
}
