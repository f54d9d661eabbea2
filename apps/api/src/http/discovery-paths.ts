import type { ResourceDefinition } from '#kinds';
import type { ApiSurface } from './api.tokens.js';

/** The paths below which resources are, each with a document of its own. */
export function discoveryPaths(resources: readonly ResourceDefinition[]): Set<string> {
  const paths = new Set(['/api', '/apis']);
  for (const { group, version } of resources) {
    if (group === '') paths.add(`/api/${version}`);
    else paths.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
  }
  return paths;
}

/**
 * The plain paths that the reference answers to GET alone, not even to HEAD. It looks at no method where its aggregator lists the
 * groups, nor for schemas, health and metrics.
 */
export function getOnlyPaths({ resources, documents }: ApiSurface): Set<string> {
  const paths = discoveryPaths(resources);
  paths.delete('/apis');
  // The aggregator's own group is no exception: its document comes from an API server like those of versions.
  for (const { group } of resources) if (group !== 'apiregistration.k8s.io') paths.delete(`/apis/${group}`);
  for (const path of documents.keys()) paths.add(path);
  return paths.add('/version');
}
