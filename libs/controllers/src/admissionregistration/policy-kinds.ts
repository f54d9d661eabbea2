import type { ServedResource } from '#client';
import type { ValidatingAdmissionPolicySpec } from '#kinds';

/** Kinds that one rule of a policy is checked for, at most: upstream's. */
const MOST = 10;

/**
 * Pure: the served resources that the rules of a policy name one by one. Nobody checks expressions for all that `*` can stand
 * for, nor for subresources.
 */
export function namedResources(
  { matchConstraints }: ValidatingAdmissionPolicySpec,
  served: readonly ServedResource[],
): ServedResource[] {
  const found = new Set<ServedResource>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions].some((name) => name.includes('*'))) continue;
    const groups = new Set(apiGroups);
    const versions = new Set(apiVersions);
    const plurals = new Set(resources.filter((name) => !/[*/]/.test(name)));
    const ofRule = served
      .filter(({ group, version, plural }) => groups.has(group) && versions.has(version) && plurals.has(plural))
      .sort(inOrder(({ group, version, plural }) => [group, version, plural]));
    for (const resource of ofRule.slice(0, MOST)) found.add(resource);
    if (ofRule.length >= MOST) break;
  }
  return [...found].sort(inOrder(({ group, version, kind }) => [group, version, kind]));
}

function inOrder(partsOf: (resource: ServedResource) => string[]) {
  return (a: ServedResource, b: ServedResource): number => {
    const [left, right] = [partsOf(a), partsOf(b)];
    const at = left.findIndex((part, i) => part !== right[i]);
    if (at < 0) return 0;
    return left[at]! < right[at]! ? -1 : 1;
  };
}
