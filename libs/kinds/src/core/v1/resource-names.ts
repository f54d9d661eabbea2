import { isQualifiedName } from '#apimachinery';
import type { FieldCursor } from '../../validation/field-cursor.js';

/** Names of resources that are counted: requested, limited, or held to a quota. */

export const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Names without a domain that quotas know, and so may stand where a resource is named. */
const standardResources = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'storage',
  'requests.storage',
  'services.nodeports',
  'services.loadbalancers',
]);

/** Names that quotas know: of claims only what is requested, not what a volume holds. */
export function isQuotaResource(name: string): boolean {
  return name !== 'storage' && isStandard(name);
}

const countedResources = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

export function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

/** Kubernetes' own resource, not a device of somebody's. */
function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

export function isExtendedResource(name: string): boolean {
  if (isNative(name) || name.startsWith('requests.')) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

/** Whether the resource is counted in whole units. */
export function isCounted(name: string): boolean {
  return countedResources.has(name) || isExtendedResource(name);
}

export function mayOvercommit(name: string): boolean {
  return isNative(name) && !isHugePages(name);
}

function isStandard(name: string): boolean {
  return standardResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
}

/** Any name that a resource could have. False when there was an error. */
export function checkResourceName(at: FieldCursor, name: string): boolean {
  const problems = isQualifiedName(name);
  if (problems.length > 0) {
    for (const text of problems) at.invalid('', name, text);
    return false;
  }
  if (name.includes('/') || isStandard(name)) return true;
  at.invalid('', name, 'must be a standard resource type or fully qualified');
  return false;
}

/** Any name of what a container may ask for. */
export function checkContainerResource(at: FieldCursor, name: string): void {
  if (containerResources.has(name)) return;
  checkResourceName(at, name);
  if (!name.includes('/')) {
    if (!isHugePages(name)) at.invalid('', name, 'must be a standard resource for containers');
  } else if (!isNative(name) && !isExtendedResource(name)) {
    at.invalid('', name, "doesn't follow extended resource name standard");
  }
}
