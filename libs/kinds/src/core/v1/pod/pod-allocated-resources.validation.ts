import { ownValue, Quantity } from '#apimachinery';
import type { Container, PodStatus } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { firstByName } from '../../../validation/fields.js';

/** Health of the devices that containers were given. */

const healths = ['Healthy', 'Unhealthy', 'Unknown'];
const maxMessage = 1024;
const claimForm =
  "must match one of the container's resource claims as 'claim:<claimName>/<requestName>' when container.resources.claims[*].request is set or 'claim:<claimName>' when it is empty";

export function checkAllocatedResources(
  at: FieldCursor,
  list: 'containerStatuses' | 'initContainerStatuses',
  status: PodStatus,
  containers: readonly Container[],
): void {
  const named = firstByName(containers);
  status[list]?.forEach(({ name, allocatedResourcesStatus }, i) => {
    if (allocatedResourcesStatus === undefined) return;
    // A status may be of a container that the writer knows and the spec does not.
    const container = named.get(name);
    const claims = new Set(
      container?.resources?.claims?.map((claim) => (claim.request ? `${claim.name}/${claim.request}` : claim.name)),
    );
    allocatedResourcesStatus.forEach((allocated, j) => {
      at.enter(list);
      at.enter(i);
      at.enter('allocatedResourcesStatus');
      at.enter(j);
      if (container !== undefined) checkName(at, allocated.name, container, claims, status);
      checkHealths(at, allocated.resources ?? []);
      at.leave(4);
    });
  });
}

function checkName(
  at: FieldCursor,
  name: string,
  container: Container,
  claims: ReadonlySet<string>,
  status: PodStatus,
): void {
  if (!name.startsWith('claim:')) {
    if (ownValue(container.resources?.requests, name) !== undefined) return;
    at.invalid('name', name, "must match one of the container's resource requests");
    return;
  }
  const claim = name.slice('claim:'.length);
  if (claims.has(claim)) return;
  if (!isExtendedClaim(claim, container, status)) at.invalid('name', name, claimForm);
}

/** A claim that the scheduler made for the pod's extended resources. */
function isExtendedClaim(claim: string, container: Container, { extendedResourceClaimStatus }: PodStatus): boolean {
  const slash = claim.indexOf('/');
  if (extendedResourceClaimStatus === undefined || slash <= 0) return false;
  if (claim.slice(0, slash) !== extendedResourceClaimStatus.resourceClaimName) return false;
  return (extendedResourceClaimStatus.requestMappings ?? []).some(({ containerName, requestName, resourceName }) => {
    if (containerName !== container.name || requestName !== claim.slice(slash + 1)) return false;
    const amount = ownValue(container.resources?.requests, resourceName);
    return amount !== undefined && !Quantity.parse(amount).isZero();
  });
}

interface Health {
  resourceID: string;
  health?: string;
  message?: string;
}

function checkHealths(at: FieldCursor, resources: readonly Health[]): void {
  const seen = new Set<string>();
  resources.forEach(({ resourceID, health = '', message }, i) => {
    at.enter('resources');
    at.enter(i);
    at.optionalChoice('health', health, healths);
    if (message === '') at.required('message', 'must be non-empty if specified');
    else if (message !== undefined && Buffer.byteLength(message) > maxMessage) at.tooLong('message', maxMessage);
    if (seen.has(resourceID)) at.duplicate('resourceID', resourceID);
    seen.add(resourceID);
    at.leave(2);
  });
}
