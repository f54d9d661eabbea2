import { isDNS1123Label, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkNodeSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import type {
  AllocationResult,
  DeviceRequestAllocationResult,
  ResourceClaimConsumerReference,
  ResourceClaimStatus,
  ResourceResourceClaim,
} from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkBindingConditions } from '../binding-conditions.validation.js';
import {
  checkConfiguration,
  checkDeviceClaim,
  checkRequestRef,
  checkRequestRefs,
  deviceClaimRules,
  judgeDeviceClaim,
  MAX_ITEMS,
  requestNames,
} from '../device-claim.validation.js';
import { checkDeclaredDriver, checkDeclaredPool, checkShareId } from '../device-names.validation.js';
import { checkDeviceToleration } from '../device-taints.validation.js';
import { eachUniqueUpTo, eachUpTo } from '../limited-lists.validation.js';
import { shownOrder } from '../shown-items.js';
import { checkDeviceStatuses } from './device-status.validation.js';

const MAX_CONSUMERS = 256;
const sources = ['FromClaim', 'FromClass'];

export const resourceClaimValidator: KindValidator = {
  rules: [
    ...deviceClaimRules,
    'immutable: spec',
    'status.reservedFor: at most 256 unique consumers, only with an allocation, none added once the claim is being deleted',
    'status.allocation: devices for requests of the claim, by driver, pool and name; only cleared once set',
    'status.allocation: binding conditions, tolerations and the UUID of a share',
    'status.devices: each allocated device once, with at most 8 conditions, data that is a JSON object of at most 10240 bytes, and networkData',
  ],
  *ahead({ spec }: ResourceResourceClaim, old: ResourceResourceClaim | undefined) {
    if (old === undefined) yield* judgeDeviceClaim(spec.devices ?? {});
  },
  validateCreate({ spec }: ResourceResourceClaim) {
    const at = new FieldCursor('spec');
    at.within('devices', () => checkDeviceClaim(at, spec.devices ?? {}));
    return at.all();
  },
  validateUpdate(claim: ResourceResourceClaim, old: ResourceResourceClaim, { subresource }) {
    const at = new FieldCursor();
    if (subresource === 'status') checkStatus(at, claim, old.status ?? {});
    else at.declaredImmutable('spec', claim.spec, old.spec);
    return at.all();
  },
};

function checkStatus(at: FieldCursor, claim: ResourceResourceClaim, old: ResourceClaimStatus): void {
  const { reservedFor = [], allocation } = claim.status ?? {};
  at.within('status', () => {
    const unique = { keyOf: ({ uid }: ResourceClaimConsumerReference) => uid, order: shownOrder.consumer };
    eachUniqueUpTo(at, 'reservedFor', reservedFor, MAX_CONSUMERS, unique, ({ resource, name, uid }) => {
      if (!resource) at.required('resource');
      if (!name) at.required('name');
      if (!uid) at.required('uid');
    });
    checkDeviceStatuses(at, claim.status ?? {});
    if (reservedFor.length > 0 && allocation === undefined) {
      at.forbidden('reservedFor', 'may not be specified when `allocated` is not set');
    } else if (claim.metadata.deletionTimestamp !== undefined) {
      const known = new Set((old.reservedFor ?? []).map(consumerId));
      if (reservedFor.some((consumer) => !known.has(consumerId(consumer)))) {
        const text = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
        at.forbidden('reservedFor', text);
      }
    }
    if (allocation === undefined) return;
    const names = requestNames(claim.spec.devices ?? {});
    if (old.allocation === undefined) at.within('allocation', () => checkAllocation(at, allocation, names));
    else if (!semanticEqual(allocation, old.allocation)) {
      at.declared(() => at.invalid('allocation', null, 'field cannot be modified once set'));
    }
  });
}

function consumerId({ apiGroup, resource, name, uid }: ResourceClaimConsumerReference): string {
  return JSON.stringify([apiGroup ?? '', resource ?? '', name ?? '', uid ?? '']);
}

function checkAllocation(at: FieldCursor, allocation: AllocationResult, names: ReadonlySet<string>): void {
  const { devices, nodeSelector } = allocation;
  at.within('devices', () => {
    eachUpTo(at, 'results', devices?.results, MAX_ITEMS, (result) => checkResult(at, result, names));
    eachUpTo(at, 'config', devices?.config, 2 * MAX_ITEMS, ({ source, requests, opaque }) => {
      at.declared(() => at.choice('source', source, sources));
      checkRequestRefs(at, requests, names);
      checkConfiguration(at, opaque);
    });
  });
  if (nodeSelector !== undefined) checkNodeSelector(at, 'nodeSelector', nodeSelector, false);
}

function checkResult(at: FieldCursor, result: DeviceRequestAllocationResult, names: ReadonlySet<string>): void {
  checkRequestRef(at, 'request', result.request ?? '', names);
  checkDeclaredDriver(at, result.driver);
  checkDeclaredPool(at, 'pool', result.pool);
  at.format('device', result.device ?? '', isDNS1123Label);
  checkBindingConditions(at, result);
  at.each('tolerations', result.tolerations, (toleration) => checkDeviceToleration(at, toleration));
  checkShareId(at, result.shareID);
}
