import { posix } from 'node:path';
import { type FieldError, field, isLabelValue, Quantity, semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { NodeSelectorTerm, PersistentVolume, PersistentVolumeSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { isName } from '../../../validation/object-names.js';
import { unifiedDiff } from '../../../validation/unified-diff.js';
import { checkAccessModes, volumeModes } from '../persistent-volume-claim/persistent-volume-claim-spec.validation.js';
import { checkNodeSelector } from '../pod/pod-scheduling.validation.js';
import { checkVolumeSource, volumeSources } from './persistent-volume-sources.validation.js';

const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];
const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';
/** Sources that the annotation of mount options is for. */
const mountable = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'azureFile',
  'azureDisk',
  'cephfs',
  'cinder',
  'glusterfs',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'quobyte',
  'rbd',
  'vsphereVolume',
] as const;
/** Labels of nodes that an update may replace by what they are called now. */
const renamedLabels = new Map([
  ['beta.kubernetes.io/arch', 'kubernetes.io/arch'],
  ['beta.kubernetes.io/os', 'kubernetes.io/os'],
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['beta.kubernetes.io/instance-type', 'node.kubernetes.io/instance-type'],
]);

export const persistentVolumeValidator: KindValidator = {
  rules: [
    'spec.accessModes is required',
    'spec.capacity is required',
    'capacity.storage > 0, only that resource',
    'exactly one volume source; local needs nodeAffinity',
    'ReadWriteOncePod only alone',
    'no Recycle for hostPath /',
    'accessModes is one of ReadOnlyMany, ReadWriteMany, ReadWriteOnce, ReadWriteOncePod',
    'persistentVolumeReclaimPolicy is one of Delete, Recycle, Retain',
    'volumeMode is one of Block, Filesystem',
    'immutable: volume source',
    'immutable: spec.volumeMode',
    'immutable: spec.nodeAffinity once set (beta to GA label renames allowed)',
  ],
  validateCreate: (volume: PersistentVolume) => volumeErrors(volume, false),
  validateUpdate(volume: PersistentVolume, old: PersistentVolume, { subresource }) {
    if (subresource === 'status') return [];
    const anyValue = termsOf(old.spec).some(hasInvalidValue);
    return [...volumeErrors(volume, anyValue), ...changeErrors(volume.spec, old.spec)];
  },
};

function volumeErrors({ metadata, spec }: PersistentVolume, anyLabelValue: boolean): FieldError[] {
  const at = new FieldCursor('spec');
  if ((spec.accessModes ?? []).length === 0) at.required('accessModes');
  checkAccessModes(at, spec.accessModes ?? []);
  checkCapacity(at, spec.capacity ?? {});
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy) at.optionalChoice('persistentVolumeReclaimPolicy', policy, reclaimPolicies);
  if (spec.nodeAffinity !== undefined) {
    at.enter('nodeAffinity');
    const { required } = spec.nodeAffinity;
    if (required === undefined) at.required('required', 'must specify required node constraints');
    else checkNodeSelector(at, 'required', required, anyLabelValue);
    at.leave();
  }
  checkVolumeSource(at, spec, metadata.name ?? '');
  if (spec.local !== undefined && spec.nodeAffinity === undefined) {
    at.required('nodeAffinity', 'Local volume requires node affinity');
  }
  if (policy === 'Recycle' && spec.hostPath?.path && isRoot(spec.hostPath.path)) {
    at.forbidden('persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'");
  }
  if (spec.storageClassName) at.format('storageClassName', spec.storageClassName, isName);
  at.optionalChoice('volumeMode', spec.volumeMode, volumeModes);
  checkAttributesClass(at, spec);
  if (metadata.annotations?.[MOUNT_OPTIONS] !== undefined && !mountable.some((name) => spec[name] !== undefined)) {
    const path = `metadata.annotations.${MOUNT_OPTIONS}`;
    at.add([field.forbidden(path, 'may not specify mount options for this volume type')]);
  }
  return at.errors;
}

/** A volume without an object of its own, in the spec of what uses it: only CSI drivers have such ones. */
export function checkInlineVolume(at: FieldCursor, spec: PersistentVolumeSpec): void {
  const elsewhere = 'in the context of inline volumes';
  if (spec.claimRef !== undefined) at.forbidden('claimRef', `may not be specified ${elsewhere}`);
  if (Object.keys(spec.capacity ?? {}).length > 0) at.forbidden('capacity', `may not be specified ${elsewhere}`);
  if (spec.csi === undefined) at.required('csi', `has to be specified ${elsewhere}`);
  if ((spec.accessModes ?? []).length === 0) at.required('accessModes');
  checkAccessModes(at, spec.accessModes ?? []);
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && policy !== 'Retain') at.forbidden('persistentVolumeReclaimPolicy', `may only be Retain ${elsewhere}`);
  if (spec.nodeAffinity !== undefined) at.forbidden('nodeAffinity', `may not be specified ${elsewhere}`);
  checkVolumeSource(at, spec, '');
  if (spec.storageClassName) at.forbidden('storageClassName', `may not be specified ${elsewhere}`);
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem') {
    at.forbidden('volumeMode', `may not specify volumeMode other than Filesystem ${elsewhere}`);
  }
  checkAttributesClass(at, spec);
}

function checkCapacity(at: FieldCursor, capacity: Record<string, string | number>): void {
  const names = Object.keys(capacity);
  if (names.length === 0) at.required('capacity');
  if (names.length !== 1 || names[0] !== 'storage') at.notSupported('capacity', capacity, ['storage']);
  at.enter('capacity');
  for (const [name, amount] of Object.entries(capacity)) {
    const quantity = Quantity.parse(amount);
    at.enterKey(name);
    if (quantity.sign() < 0) at.invalid('', quantity.value(), 'must be a valid resource quantity');
    if (quantity.sign() <= 0) at.invalid('', String(amount), 'must be greater than zero');
    at.leave();
  }
  at.leave();
}

function isRoot(path: string): boolean {
  return posix.normalize(path).replace(/(.)\/$/, '$1') === '/';
}

function checkAttributesClass(at: FieldCursor, { volumeAttributesClassName: name, csi }: PersistentVolumeSpec): void {
  if (name === undefined) return;
  if (name === '') at.required('volumeAttributesClassName', 'an empty string is disallowed');
  else at.format('volumeAttributesClassName', name, isName);
  if (csi === undefined) at.required('csi', 'has to be specified when using volumeAttributesClassName');
}

function changeErrors(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): FieldError[] {
  const at = new FieldCursor();
  const before = sourceOf(old);
  const after = sourceOf(spec);
  if (after.csi !== undefined && before.csi !== undefined && before.csi.controllerExpandSecretRef === undefined) {
    // This one may be set later.
    const { controllerExpandSecretRef: _, ...csi } = after.csi;
    after.csi = csi;
  }
  if (!semanticEqual(after, before)) {
    const difference = unifiedDiff(before, after);
    at.forbidden(
      'spec.persistentvolumesource',
      `spec.persistentvolumesource is immutable after creation\n${difference}`,
    );
  }
  if (spec.volumeMode !== old.volumeMode) at.add([field.immutable('volumeMode', spec.volumeMode)]);
  if (old.nodeAffinity !== undefined && !semanticEqual(spec.nodeAffinity, renamed(old, spec))) {
    const detail = `${field.FIELD_IMMUTABLE}, except for updating from beta label to GA`;
    at.invalid('nodeAffinity', spec.nodeAffinity ?? null, detail);
  }
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    at.forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden');
  }
  return at.errors;
}

function sourceOf(spec: PersistentVolumeSpec): Pick<PersistentVolumeSpec, (typeof volumeSources)[number]> {
  return Object.fromEntries(volumeSources.flatMap((name) => (spec[name] === undefined ? [] : [[name, spec[name]]])));
}

/** The old affinity, with those labels renamed that the new one calls by their newer name. */
function renamed(old: PersistentVolumeSpec, spec: PersistentVolumeSpec): PersistentVolumeSpec['nodeAffinity'] {
  const now = termsOf(spec);
  const rename = (list: NodeSelectorTerm['matchExpressions'], given: NodeSelectorTerm['matchExpressions']) =>
    list?.map((requirement, i) => {
      const key = given?.[i]?.key;
      return key !== undefined && renamedLabels.get(requirement.key) === key ? { ...requirement, key } : requirement;
    });
  const nodeSelectorTerms = termsOf(old).map((term, t) => ({
    ...term,
    ...(term.matchExpressions && { matchExpressions: rename(term.matchExpressions, now[t]?.matchExpressions) }),
  }));
  const required = old.nodeAffinity?.required;
  return { ...old.nodeAffinity, ...(required && { required: { ...required, nodeSelectorTerms } }) };
}

function termsOf({ nodeAffinity }: PersistentVolumeSpec): NodeSelectorTerm[] {
  return nodeAffinity?.required?.nodeSelectorTerms ?? [];
}

function hasInvalidValue({ matchExpressions }: NodeSelectorTerm): boolean {
  return (matchExpressions ?? []).some(({ values }) => (values ?? []).some((value) => isLabelValue(value).length > 0));
}
