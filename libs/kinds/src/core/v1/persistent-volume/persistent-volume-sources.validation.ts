import { isDNS1123Label, isDNS1123Subdomain } from '#apimachinery';
import type {
  AzureFilePersistentVolumeSource,
  CinderPersistentVolumeSource,
  CSIPersistentVolumeSource,
  GlusterfsPersistentVolumeSource,
  ISCSIPersistentVolumeSource,
  LocalVolumeSource,
  PersistentVolumeSpec,
  SecretReference,
  StorageOSPersistentVolumeSource,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkNoBacksteps } from '../path.validation.js';
import {
  type CloudVolumeSource,
  cloudVolumeChecks,
  isQualifiedIscsiName,
} from '../pod/pod-cloud-volumes.validation.js';
import { checkDriverName, checkHostPath, checkNfs } from '../pod/pod-volumes.validation.js';

/** Where a PersistentVolume is: exactly one source, of those that pods have and some with a namespace for their Secret. */

const maxLun = 255;
const maxSocketPath = 64;

/** In the order in which upstream looks at them: of two sources, the later one is refused. */
export const volumeSources = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'flocker',
  'nfs',
  'rbd',
  'quobyte',
  'cephfs',
  'iscsi',
  'cinder',
  'fc',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'scaleIO',
  'local',
  'storageos',
  'csi',
] as const;

type SourceName = (typeof volumeSources)[number];

export function checkVolumeSource(at: FieldCursor, spec: PersistentVolumeSpec, volumeName: string): void {
  let count = 0;
  for (const name of volumeSources) {
    if (spec[name] === undefined) continue;
    // Upstream forgets to refuse a flexVolume that is the second source.
    if (count > 0 && name !== 'flexVolume') {
      at.forbidden(name === 'cephfs' ? 'cephFS' : name, 'may not specify more than 1 volume type');
    } else {
      at.enter(name === 'gcePersistentDisk' ? 'persistentDisk' : name);
      checkNamed(at, name, spec, volumeName);
      at.leave();
    }
    count++;
  }
  if (count === 0) at.required('', 'must specify a volume type');
}

function checkNamed(at: FieldCursor, name: SourceName, spec: PersistentVolumeSpec, volumeName: string): void {
  switch (name) {
    case 'hostPath':
      checkHostPath(at, spec.hostPath!);
      return;
    case 'nfs':
      checkNfs(at, spec.nfs!);
      return;
    case 'local':
      checkLocal(at, spec.local!);
      return;
    case 'csi':
      checkCsi(at, spec.csi!);
      return;
    case 'iscsi':
      checkIscsi(at, spec.iscsi!, volumeName);
      return;
    case 'glusterfs':
      checkGlusterfs(at, spec.glusterfs!);
      return;
    case 'cinder':
      checkCinder(at, spec.cinder!);
      return;
    case 'azureFile':
      checkAzureFile(at, spec.azureFile!);
      return;
    case 'storageos':
      checkStorageOs(at, spec.storageos!);
      return;
    default:
      (cloudVolumeChecks[name] as (at: FieldCursor, source: CloudVolumeSource) => void)(at, spec[name]!);
  }
}

function checkLocal(at: FieldCursor, { path }: LocalVolumeSource): void {
  if (!path) at.required('path');
  else checkNoBacksteps(at, 'path', path);
}

const secretReferences = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const;

function checkCsi(at: FieldCursor, source: CSIPersistentVolumeSource): void {
  checkDriverName(at, source.driver);
  if (!source.volumeHandle) at.required('volumeHandle');
  for (const field of secretReferences) {
    const { name, namespace } = source[field] ?? {};
    if (source[field] === undefined) continue;
    at.enter(field);
    if (!name) at.required('name');
    else at.format('name', name, isDNS1123Subdomain);
    if (!namespace) at.required('namespace');
    else at.format('namespace', namespace, isDNS1123Label);
    at.leave();
  }
}

function checkIscsi(at: FieldCursor, source: ISCSIPersistentVolumeSource, volumeName: string): void {
  const { targetPortal, initiatorName, iqn, secretRef } = source;
  if (!targetPortal) at.required('targetPortal');
  if (initiatorName !== undefined && `${volumeName}:${targetPortal}`.length > maxSocketPath) {
    const detail =
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
    at.invalid('targetportal', targetPortal, detail);
  }
  if (!iqn) at.required('iqn');
  else if (!isQualifiedIscsiName(iqn)) at.invalid('iqn', iqn, 'must be valid format');
  at.range('lun', source.lun, 0, maxLun);
  if ((source.chapAuthDiscovery || source.chapAuthSession) && secretRef === undefined) at.required('secretRef');
  if (secretRef !== undefined && !secretRef.name) at.required('secretRef.name');
  if (initiatorName !== undefined && !isQualifiedIscsiName(initiatorName)) {
    at.invalid('initiatorname', initiatorName, 'must be valid format');
  }
}

function checkGlusterfs(at: FieldCursor, source: GlusterfsPersistentVolumeSource): void {
  cloudVolumeChecks.glusterfs(at, source);
  const namespace = source.endpointsNamespace;
  if (namespace === '') {
    at.invalid('endpointsNamespace', '', 'if the endpointnamespace is set, it must be a valid namespace name');
  } else if (namespace !== undefined) at.format('endpointsNamespace', namespace, isDNS1123Label);
}

function checkCinder(at: FieldCursor, { volumeID, secretRef }: CinderPersistentVolumeSource): void {
  if (!volumeID) at.required('volumeID');
  checkSecret(at, secretRef);
}

function checkAzureFile(
  at: FieldCursor,
  { secretName, shareName, secretNamespace }: AzureFilePersistentVolumeSource,
): void {
  if (!secretName) at.required('secretName');
  if (!shareName) at.required('shareName');
  if (secretNamespace === '') at.required('secretNamespace');
}

function checkStorageOs(at: FieldCursor, source: StorageOSPersistentVolumeSource): void {
  const { volumeName, volumeNamespace, secretRef } = source;
  if (!volumeName) at.required('volumeName');
  else at.format('volumeName', volumeName, isDNS1123Label);
  if (volumeNamespace) at.format('volumeNamespace', volumeNamespace, isDNS1123Label);
  checkSecret(at, secretRef);
}

function checkSecret(at: FieldCursor, secret: SecretReference | undefined): void {
  if (secret === undefined) return;
  if (!secret.name) at.required('secretRef.name');
  if (!secret.namespace) at.required('secretRef.namespace');
}
