import { age, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule, Setter } from '../../../contract/kind-module.js';
import { dropDeallocatedDevices } from './allocated-devices.js';
import { resourceClaimValidator } from './resource-claim.validation.js';

const deviceCount: Setter = (request) => {
  if (request.allocationMode === 'ExactCount' && !request.count) request.count = 1;
};

const cells: Cells = (claim, now) => {
  const deleted = claim.metadata.deletionTimestamp !== undefined;
  const allocated = claim.status?.allocation !== undefined;
  const states: string[] = [];
  if (deleted) states.push('deleted');
  if (allocated) states.push('allocated');
  else if (!deleted) states.push('pending');
  if ((claim.status?.reservedFor ?? []).length > 0) states.push('reserved');
  return [nameOf(claim), states.join(','), age(claim, now)];
};

export const resourceClaimKind: KindModule = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  strategy: {
    prepareForUpdate(claim, old, { subresource }) {
      if (subresource === 'status') dropDeallocatedDevices(claim.status ?? {}, old.status ?? {});
    },
  },
  validator: resourceClaimValidator,
  typeDefaults: {
    'io.k8s.api.resource.v1.ExactDeviceRequest': { count: deviceCount },
    'io.k8s.api.resource.v1.DeviceSubRequest': { count: deviceCount },
  },
  cells,
  deletion: { returnsObject: true },
  statusEndpointWrites: 'status',
};
