import { ConfigurationObject } from '../../configuration/configuration-object.js';

const EVENT_LIMIT_TYPES = ['Server', 'Namespace', 'User', 'SourceAndObject'] as const;

export interface EventLimit {
  type: (typeof EVENT_LIMIT_TYPES)[number];
  /** Events a second, for each key of the type. */
  qps: number;
  burst: number;
  /** Keys that are remembered. */
  cacheSize: number;
}

const DEFAULT_CACHE_SIZE = 4096;

/** A Configuration of eventratelimit.admission.k8s.io. Throws ConfigurationError. */
export function readEventRateLimit(path: string, value: unknown): EventLimit[] {
  const versions = ['eventratelimit.admission.k8s.io/v1alpha1'];
  const object = ConfigurationObject.ofKind(path, value, versions, 'Configuration', ['limits']);
  const limits = object.objects('limits', ['type', 'qps', 'burst', 'cacheSize']);
  if (limits.length === 0) throw object.error('limits', 'must not be empty');
  return limits.map((limit) => {
    const type = EVENT_LIMIT_TYPES.find((known) => known === limit.text('type'));
    if (type === undefined) throw limit.error('type', `must be one of ${EVENT_LIMIT_TYPES.join(', ')}`);
    const [burst, qps, cacheSize] = [limit.whole('burst'), limit.whole('qps'), limit.whole('cacheSize')];
    if (burst <= 0) throw limit.error('burst', 'must be positive');
    if (qps <= 0) throw limit.error('qps', 'must be positive');
    if (cacheSize < 0) throw limit.error('cacheSize', 'must not be negative');
    return { type, qps, burst, cacheSize: cacheSize || DEFAULT_CACHE_SIZE };
  });
}
