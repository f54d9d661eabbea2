import {
  type FieldError,
  FieldPath,
  field,
  isQualifiedName,
  Quantity,
  semanticEqual,
  setOwn,
  validateLabelSelector,
} from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { unifiedDiff } from '../../../validation/unified-diff.js';
import { type ClaimLeniency, checkClaimSpec } from './persistent-volume-claim-spec.validation.js';

const STORAGE_CLASS = 'volume.beta.kubernetes.io/storage-class';
const selectorPath = FieldPath.of('spec', 'selector');
const resizeStatuses = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
];

export const persistentVolumeClaimValidator: KindValidator = {
  rules: [
    'spec.accessModes is required',
    'spec.resources.requests.storage is required',
    'requests.storage > 0; may not shrink to or below status.capacity',
    {
      rule: 'expansion needs a class with allowVolumeExpansion (Forbidden otherwise)',
      enforcedBy: 'admission PersistentVolumeClaimResize',
    },
    'dataSource and dataSourceRef must agree',
    'dataSource without apiGroup must be a PersistentVolumeClaim',
    'accessModes is one of ReadOnlyMany, ReadWriteMany, ReadWriteOnce, ReadWriteOncePod',
    'volumeMode is one of Block, Filesystem',
    'immutable: spec, except resources.requests (bound claims) and volumeAttributesClassName (bound claims); storageClassName may be set once from null; volumeName may be set by the binder',
  ],
  validateCreate({ spec }: PersistentVolumeClaim) {
    const at = new FieldCursor('spec');
    checkClaimSpec(at, spec);
    return at.errors;
  },
  validateUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, { subresource }) {
    if (subresource === 'status') return statusErrors(claim);
    const at = new FieldCursor('spec');
    checkClaimSpec(at, claim.spec, leniencyFor(old.spec));
    return [...at.errors, ...changeErrors(claim, old)];
  },
};

function leniencyFor({ selector, dataSource, dataSourceRef }: PersistentVolumeClaimSpec): ClaimLeniency {
  return {
    selector: selector !== undefined && validateLabelSelector(selector, selectorPath).length > 0,
    sourceGroups: (dataSource?.apiGroup ?? dataSourceRef?.apiGroup ?? null) !== null,
  };
}

function changeErrors(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const at = new FieldCursor();
  const { spec } = claim;
  const before = { ...old.spec };
  const after = { ...spec };
  // Who binds the claim sets the volume, once.
  if (!before.volumeName) keep(before, after, 'volumeName');
  checkClassChange(at, claim, old, before, after);
  const size = spec.resources?.requests?.['storage'];
  const oldSize = old.spec.resources?.requests?.['storage'];
  if (claim.status?.phase === 'Bound') {
    if (after.resources?.requests !== undefined) {
      const requests = { ...after.resources.requests };
      if (oldSize === undefined) delete requests['storage'];
      else requests['storage'] = oldSize;
      after.resources = { ...after.resources, requests };
    }
    keep(after, before, 'volumeAttributesClassName');
  }
  if (!semanticEqual(after, before)) {
    const difference = unifiedDiff(before, after);
    at.forbidden(
      'spec',
      `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${difference}`,
    );
  }
  const wanted = Quantity.parse(size ?? '0');
  if (
    wanted.compare(Quantity.parse(oldSize ?? '0')) < 0 &&
    wanted.compare(Quantity.parse(old.status?.capacity?.['storage'] ?? '0')) <= 0
  ) {
    at.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity');
  }
  if (spec.volumeMode !== old.spec.volumeMode) at.add([field.immutable('volumeMode', spec.volumeMode)]);
  checkAttributesClassChange(at, spec, old);
  return at.errors;
}

/** Gives `to` the field as `from` has it. */
function keep<T, K extends keyof T & string>(to: T, from: T, name: K): void {
  // own-lookup: callers name a field of the type
  const value = from[name];
  if (value === undefined) delete to[name];
  // own-lookup: as above
  else to[name] = value;
}

/** The class may come from the older annotation to the field, or be set where there was none. */
function checkClassChange(
  at: FieldCursor,
  { metadata }: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
  before: PersistentVolumeClaimSpec,
  after: PersistentVolumeClaimSpec,
): void {
  const annotated = old.metadata.annotations?.[STORAGE_CLASS];
  const annotation = metadata.annotations?.[STORAGE_CLASS];
  const set = before.storageClassName === undefined ? after.storageClassName : undefined;
  if (annotated !== undefined && set === annotated && (annotation === undefined || annotation === annotated)) {
    delete after.storageClassName;
    return;
  }
  if ((annotated ?? '') !== (annotation ?? '')) {
    at.add([field.immutable(`metadata.annotations.${STORAGE_CLASS}`, annotation ?? '')]);
  }
  if (set !== undefined && (annotated === undefined || set === annotated)) delete after.storageClassName;
}

/** A class of attributes that was applied is never taken away. */
function checkAttributesClassChange(
  at: FieldCursor,
  { volumeAttributesClassName: name }: PersistentVolumeClaimSpec,
  { spec, status }: PersistentVolumeClaim,
): void {
  if (name === spec.volumeAttributesClassName || status?.currentVolumeAttributesClassName === undefined) return;
  const path = 'spec.volumeAttributesClassName';
  const applied = 'is forbidden when status.currentVolumeAttributesClassName is not nil';
  if (name === undefined) at.forbidden(path, `update to nil ${applied}`);
  else if (name === '') at.forbidden(path, `update to empty string ${applied}`);
}

function statusErrors({ spec, status }: PersistentVolumeClaim): FieldError[] {
  const at = new FieldCursor();
  if ((spec.accessModes ?? []).length === 0) at.required('Spec.accessModes');
  at.enter('status');
  checkAmounts(at, 'capacity', status?.capacity);
  for (const [name, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    checkResourceName(at, 'allocatedResourceStatuses', name);
    if (!resizeStatuses.includes(state)) at.notSupported('allocatedResourceStatuses', name, resizeStatuses);
  }
  const known: Record<string, string | number> = {};
  for (const [name, amount] of Object.entries(status?.allocatedResources ?? {})) {
    if (checkResourceName(at, 'allocatedResources', name)) setOwn(known, name, amount);
  }
  checkAmounts(at, 'allocatedResources', known);
  return at.errors;
}

function checkAmounts(at: FieldCursor, list: string, amounts: Record<string, string | number> | undefined): void {
  at.enter(list);
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    const quantity = Quantity.parse(amount);
    at.enterKey(name);
    if (quantity.sign() < 0) at.invalid('', quantity.value(), 'must be a valid resource quantity');
    at.leave();
  }
  at.leave();
}

/** Of the API's own resources only storage; says whether the name is good. */
function checkResourceName(at: FieldCursor, list: string, name: string): boolean {
  const before = at.errors.length;
  at.format(list, name, isQualifiedName);
  const isNative = !name.includes('/') || name.includes('kubernetes.io/');
  if (at.errors.length === before && isNative && name !== 'storage') at.notSupported(list, name, ['storage']);
  return at.errors.length === before;
}
