import { ownValue } from '#apimachinery';

/** Labels in the reserved domains that a node may set on itself. */
const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);

type Labels = Record<string, string> | undefined;

/** Keys that were added, removed or changed. */
export function modifiedLabels(now: Labels, before: Labels): string[] {
  const keys = new Set([...Object.keys(now ?? {}), ...Object.keys(before ?? {})]);
  return [...keys].filter((key) => ownValue(now, key) !== ownValue(before, key));
}

/** Of these keys those that a node may not touch: with them it could draw privileged pods to itself. Sorted. */
export function forbiddenNodeLabels(keys: readonly string[]): string[] {
  return keys
    .filter((key) => {
      const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
      if (within(domain, 'node-restriction.kubernetes.io')) return true;
      const reserved = within(domain, 'kubernetes.io') || within(domain, 'k8s.io');
      const allowed =
        KUBELET_LABELS.has(key) || within(domain, 'kubelet.kubernetes.io') || within(domain, 'node.kubernetes.io');
      return reserved && !allowed;
    })
    .sort();
}

function within(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}
