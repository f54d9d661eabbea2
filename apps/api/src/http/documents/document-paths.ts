import { openApiV3Path } from '#kinds';
import { POD_RESOURCES_PATH } from '../metrics/pod-resource-metrics.js';
import { type ApiSurface, surfaceGeneration } from './api.tokens.js';
import { discoveryPaths } from './discovery-paths.js';

/** A path that names no resource, as the framework's routes know it. */
export interface DocumentPath {
  readonly path: string;
  /** Answers no method but GET, not even HEAD. */
  readonly getOnly: boolean;
  /** Slashes that may follow it. */
  readonly slashes: 'none' | 'one' | 'any';
}

/** Berth's own. */
export const HISTORY_PATH = '/berth/history';

const HEALTH = ['healthz', 'livez', 'readyz'] as const;

/**
 * The documents of a server by their paths. The reference looks at no method where its aggregator lists the groups, nor for schemas,
 * health and metrics. Slashes at the end are dropped by the router of its API (go-restful: `tokenizePath`), for which its mux
 * (`pathrecorder.go`) lets `/api/` and the group versions through; the aggregator registers `/apis/`; all other paths are compared whole.
 */
export class DocumentPaths {
  private paths: ReadonlyMap<string, DocumentPath> = new Map();
  private generation: number | undefined;

  constructor(private readonly surface: ApiSurface) {}

  /** The document that a decoded path names. */
  find(path: string): DocumentPath | undefined {
    const generation = surfaceGeneration(this.surface);
    if (this.generation !== generation) {
      this.paths = pathsOf(this.surface);
      this.generation = generation;
    }
    const exact = this.paths.get(path);
    if (exact || !path.endsWith('/')) return exact;
    const bare = path.replace(/\/+$/, '');
    const found = this.paths.get(bare);
    if (!found || found.slashes === 'none') return undefined;
    return found.slashes === 'any' || path.length === bare.length + 1 ? found : undefined;
  }
}

function pathsOf({ catalog, aggregated, documents, checks, history }: ApiSurface): ReadonlyMap<string, DocumentPath> {
  const resources = catalog.list();
  const found = new Map<string, DocumentPath>();
  const add = (path: string, getOnly: boolean, slashes: DocumentPath['slashes']) =>
    found.set(path, { path, getOnly, slashes });
  // The aggregator's own group is no exception: its document comes from an API server like those of versions.
  const groups = new Set(resources.map(({ group }) => `/apis/${group}`));
  groups.delete('/apis/apiregistration.k8s.io');
  for (const path of discoveryPaths(resources)) add(path, !groups.has(path), 'any');
  for (const { group } of aggregated?.list() ?? []) add(`/apis/${group}`, false, 'any');
  add('/apis', false, 'one');
  for (const path of ['/version', ...documents.keys()]) add(path, true, 'any');
  for (const path of ['/', '/metrics', POD_RESOURCES_PATH, '/openapi/v2', '/openapi/v3']) add(path, false, 'none');
  if (history) add(HISTORY_PATH, true, 'none');
  for (const { group, version } of resources) add(`/openapi/v3/${openApiV3Path(group, version)}`, false, 'none');
  for (const endpoint of HEALTH) {
    add(`/${endpoint}`, false, 'none');
    for (const { name } of checks) add(`/${endpoint}/${name}`, false, 'none');
  }
  return found;
}
