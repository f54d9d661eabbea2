import type { ResourceDefinition } from '#kinds';

/** The paths below which resources are, each with a document of its own. */
export function discoveryPaths(resources: readonly ResourceDefinition[]): Set<string> {
  const paths = new Set(['/api', '/apis']);
  for (const { group, version } of resources) {
    if (group === '') paths.add(`/api/${version}`);
    else paths.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
  }
  return paths;
}
