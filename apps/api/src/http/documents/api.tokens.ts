import type { KubeObject } from '#apimachinery';
import type { Logger } from '#client';
import type { ResourceCatalog } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import { key } from '../../injection/provide.js';
import type { History } from '../../storage/history.js';
import type { AggregatedSurface } from './aggregated-surface.js';
import type { HealthCheck } from './health-checks.js';

/** What the controllers of the non-resource paths are given; the object path needs no container. */
export const API_SURFACE = key<ApiSurface>('API surface');

export interface ApiSurface {
  catalog: ResourceCatalog;
  /** What other API servers serve; absent: nothing. */
  aggregated?: AggregatedSurface;
  /** `host:port` as clients reach the server. */
  serverAddress: string;
  checks: readonly HealthCheck[];
  /** Shown by /readyz, without a say in its answer: what the server is as ready without. */
  advisories?(): readonly HealthCheck[];
  metrics: MetricsRegistry;
  /** All pods, for the metrics of their resources. */
  pods(): readonly KubeObject[];
  /** Documents of further paths, such as the OpenID discovery of the token issuer, and debugging pages. */
  documents: ReadonlyMap<string, (query: URLSearchParams) => { mediaType: string; body: string }>;
  /** Versions that objects had; absent: none are kept. */
  history?: Pick<History, 'versions'>;
  /** When a namespace was made; undefined while there is none of that name. */
  namespaceMade?(name: string): Date | undefined;
  log: Pick<Logger, 'warn' | 'error'>;
}

/** Grows with every change of what the surface shows. */
export function surfaceGeneration({ catalog, aggregated }: Pick<ApiSurface, 'catalog' | 'aggregated'>): number {
  return catalog.generation + (aggregated?.generation ?? 0);
}
