import { aggregateMessages, type KubeObject, tooManyRequests } from '#apimachinery';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import type { EventLimit } from '../configuration/event-rate-limit.configuration.js';

interface Bucket {
  tokens: number;
  /** Milliseconds since the epoch. */
  filledAt: number;
}

/** Keeps who writes too many events from filling the store with them. */
export class EventRateLimit implements AdmissionPlugin {
  readonly name = 'EventRateLimit';
  private readonly buckets: Map<string, Bucket>[];

  constructor(
    private readonly limits: readonly EventLimit[] = [],
    private readonly now: () => number = Date.now,
  ) {
    this.buckets = limits.map(() => new Map());
  }

  handles({ operation, resource }: AdmissionTarget): boolean {
    if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
    return resource.resource === 'events' && (resource.group === '' || resource.group === 'events.k8s.io');
  }

  validate(request: AdmissionRequest): void {
    if (request.dryRun) return;
    const reached: string[] = [];
    this.limits.forEach((limit, i) => {
      const key = keyOf(limit, request);
      if (!this.take(limit, this.buckets[i]!, key)) reached.push(`limit reached on type ${limit.type} for key ${key}`);
    });
    if (reached.length > 0) throw tooManyRequests(aggregateMessages(reached), 1);
  }

  private take({ qps, burst, cacheSize }: EventLimit, buckets: Map<string, Bucket>, key: string): boolean {
    const now = this.now();
    const { tokens, filledAt } = buckets.get(key) ?? { tokens: burst, filledAt: now };
    const full = Math.min(burst, tokens + (Math.max(now - filledAt, 0) / 1000) * qps);
    // The key that was used least recently is the first of the map, and goes when there are too many.
    buckets.delete(key);
    buckets.set(key, { tokens: full >= 1 ? full - 1 : full, filledAt: now });
    if (buckets.size > cacheSize) buckets.delete(buckets.keys().next().value!);
    return full >= 1;
  }
}

function keyOf({ type }: EventLimit, { namespace, user, object }: AdmissionRequest): string {
  switch (type) {
    case 'Server':
      return '';
    case 'Namespace':
      return namespace;
    case 'User':
      return user.name;
    case 'SourceAndObject':
      return sourceAndObject(object!);
  }
}

/** The fields of core events; those of events.k8s.io have other names for the same. */
function sourceAndObject(event: KubeObject): string {
  const source = event['source'] ?? event['deprecatedSource'] ?? {};
  const about = event['involvedObject'] ?? event['regarding'] ?? {};
  const parts = [source.component, source.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion];
  return parts.map((part) => part ?? '').join('');
}
