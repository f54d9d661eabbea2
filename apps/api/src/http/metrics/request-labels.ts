import type { ResourceEntry } from '../../registry/resource-table.js';
import type { Route } from '../dispatch/route.js';

/** Groups, versions and resources of one server, at most. */
export const RESOURCES = 1000;
export const SCOPES = ['', 'resource', 'namespace', 'cluster'];

export function entryOf(route: Route): ResourceEntry | undefined {
  return route.kind === 'objects' || route.kind === 'connect' ? route.entry : undefined;
}

export function scopeOf(route: Route): string {
  if (!entryOf(route)) return '';
  const { name, verb, namespace } = route.info;
  if (name !== '' && verb !== 'list' && verb !== 'watch') return 'resource';
  return namespace !== '' ? 'namespace' : verb === 'create' ? 'resource' : 'cluster';
}
