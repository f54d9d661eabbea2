import type { ResourceCatalog } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import type { HealthCheck } from './health-checks.js';

/** What the controllers of the non-resource paths are given; the object path needs no container. */
export const API_SURFACE = Symbol('API_SURFACE');

export interface ApiSurface {
  catalog: ResourceCatalog;
  /** `host:port` as clients reach the server. */
  serverAddress: string;
  checks: readonly HealthCheck[];
  /** Shown by /readyz, without a say in its answer: what the server is as ready without. */
  advisories?(): readonly HealthCheck[];
  metrics: MetricsRegistry;
  /** Documents of further paths, such as the OpenID discovery of the token issuer. */
  documents: ReadonlyMap<string, () => { mediaType: string; body: string }>;
  log(text: string): void;
}
