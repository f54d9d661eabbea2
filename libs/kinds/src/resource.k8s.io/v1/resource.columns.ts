import { age, type Cells, nameAndAge, nameOf, since } from '../../columns/cells.js';

const deviceTaintRule: Cells = (rule, now) => {
  const taint = rule.spec?.taint ?? {};
  const added = taint.timeAdded ? since(taint.timeAdded, now) : '';
  return [nameOf(rule), taint.key ?? '', taint.value ?? '', taint.effect ?? '', added, age(rule, now)];
};

const resourceClaim: Cells = (claim, now) => {
  const deleted = claim.metadata.deletionTimestamp !== undefined;
  const allocated = claim.status?.allocation !== undefined;
  const states: string[] = [];
  if (deleted) states.push('deleted');
  if (allocated) states.push('allocated');
  else if (!deleted) states.push('pending');
  if ((claim.status?.reservedFor ?? []).length > 0) states.push('reserved');
  return [nameOf(claim), states.join(','), age(claim, now)];
};

const resourceSlice: Cells = (slice, now) => [
  nameOf(slice),
  slice.spec.nodeName ?? '',
  slice.spec.driver,
  slice.spec.pool?.name ?? '',
  age(slice, now),
];

export const resourceCells: Readonly<Record<string, Cells>> = {
  DeviceClass: nameAndAge,
  DeviceTaintRule: deviceTaintRule,
  ResourceClaim: resourceClaim,
  ResourceClaimTemplate: nameAndAge,
  ResourceSlice: resourceSlice,
};
