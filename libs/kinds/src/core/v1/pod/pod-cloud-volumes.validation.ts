import { isDNS1123Label } from '#apimachinery';
import type {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  AzureFileVolumeSource,
  CephFSVolumeSource,
  CinderVolumeSource,
  FCVolumeSource,
  FlexVolumeSource,
  FlockerVolumeSource,
  GCEPersistentDiskVolumeSource,
  GitRepoVolumeSource,
  GlusterfsVolumeSource,
  ISCSIVolumeSource,
  PhotonPersistentDiskVolumeSource,
  PortworxVolumeSource,
  QuobyteVolumeSource,
  RBDVolumeSource,
  ScaleIOVolumeSource,
  StorageOSVolumeSource,
  VsphereVirtualDiskVolumeSource,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkLocalPath } from '../path.validation.js';

/** Volumes of network storage and of clouds: most of them served by CSI drivers today, all of them still part of the API. */

const maxLun = 255;
const maxTenant = 64;

function gitRepo(at: FieldCursor, { repository, directory }: GitRepoVolumeSource): void {
  if (!repository) at.required('repository');
  checkLocalPath(at, 'directory', directory ?? '');
}

function gcePersistentDisk(at: FieldCursor, { pdName, partition }: GCEPersistentDiskVolumeSource): void {
  if (!pdName) at.required('pdName');
  checkPartition(at, partition);
}

function awsElasticBlockStore(at: FieldCursor, { volumeID, partition }: AWSElasticBlockStoreVolumeSource): void {
  if (!volumeID) at.required('volumeID');
  checkPartition(at, partition);
}

/** Zero is the whole disk, though the text says otherwise. */
function checkPartition(at: FieldCursor, partition: number | undefined): void {
  if (partition === undefined || (partition >= 0 && partition <= 255)) return;
  at.invalid('partition', partition, 'must be between 1 and 255, inclusive');
}

const qualifiedNames: readonly [prefix: string, format: RegExp][] = [
  ['iqn', /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
];

/** Undefined when it begins like none of them. */
export function isQualifiedIscsiName(value: string): boolean | undefined {
  return qualifiedNames.find(([prefix]) => value.startsWith(prefix))?.[1].test(value);
}

function checkInitiator(at: FieldCursor, name: string, value: string): void {
  const good = isQualifiedIscsiName(value);
  if (good === undefined) at.invalid(name, value, 'must be valid format starting with iqn, eui, or naa');
  else if (!good) at.invalid(name, value, 'must be valid format');
}

function iscsi(at: FieldCursor, source: ISCSIVolumeSource): void {
  if (!source.targetPortal) at.required('targetPortal');
  if (!source.iqn) at.required('iqn');
  else checkInitiator(at, 'iqn', source.iqn);
  at.range('lun', source.lun, 0, maxLun);
  if ((source.chapAuthDiscovery || source.chapAuthSession) && source.secretRef === undefined) at.required('secretRef');
  if (source.initiatorName !== undefined) checkInitiator(at, 'initiatorname', source.initiatorName);
}

function glusterfs(at: FieldCursor, { endpoints, path }: GlusterfsVolumeSource): void {
  if (!endpoints) at.required('endpoints');
  if (!path) at.required('path');
}

function flocker(at: FieldCursor, { datasetName, datasetUUID }: FlockerVolumeSource): void {
  if (!datasetName && !datasetUUID) at.required('', 'one of datasetName and datasetUUID is required');
  if (datasetName && datasetUUID) {
    at.invalid('', 'resource', 'datasetName and datasetUUID can not be specified simultaneously');
  }
  if (datasetName?.includes('/')) at.invalid('datasetName', datasetName, "must not contain '/'");
}

function rbd(at: FieldCursor, { monitors, image }: RBDVolumeSource): void {
  if ((monitors?.length ?? 0) === 0) at.required('monitors');
  if (!image) at.required('image');
}

function cinder(at: FieldCursor, { volumeID, secretRef }: CinderVolumeSource): void {
  if (!volumeID) at.required('volumeID');
  if (secretRef !== undefined && !secretRef.name) at.required('secretRef.name');
}

function cephfs(at: FieldCursor, { monitors }: CephFSVolumeSource): void {
  if ((monitors?.length ?? 0) === 0) at.required('monitors');
}

function quobyte(at: FieldCursor, { registry, tenant, volume }: QuobyteVolumeSource): void {
  const pairs = 'must be a host:port pair or multiple pairs separated by commas';
  if (!registry) at.required('registry', pairs);
  else if ((tenant ?? '').length > maxTenant) {
    at.required('tenant', 'must be a UUID and may not exceed a length of 64 characters');
  } else {
    for (const pair of registry.split(',')) if (!isHostPort(pair)) at.invalid('registry', registry, pairs);
  }
  if (!volume) at.required('volume');
}

/** `host:port`, `[v6]:port`; the port may be empty, as Go's net has it. */
function isHostPort(pair: string): boolean {
  return /^(?:\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(pair);
}

function fc(at: FieldCursor, { targetWWNs = [], wwids = [], lun }: FCVolumeSource): void {
  if (targetWWNs.length === 0 && wwids.length === 0) {
    at.required('targetWWNs', 'must specify either targetWWNs or wwids, but not both');
  }
  if (targetWWNs.length === 0) return;
  if (wwids.length > 0) {
    at.invalid('targetWWNs', targetWWNs, 'targetWWNs and wwids can not be specified simultaneously');
  }
  if (lun === undefined) at.required('lun', 'lun is required if targetWWNs is specified');
  else at.range('lun', lun, 0, maxLun);
}

function flexVolume(at: FieldCursor, { driver, options }: FlexVolumeSource): void {
  if (!driver) at.required('driver');
  for (const key in options) {
    const domain = `.${key.split('/')[0]!.toLowerCase()}`;
    if (!domain.endsWith('.kubernetes.io') && !domain.endsWith('.k8s.io')) continue;
    at.enter('options');
    at.enterKey(key);
    at.invalid('', key, 'kubernetes.io and k8s.io namespaces are reserved');
    at.leave(2);
  }
}

function azureFile(at: FieldCursor, { secretName, shareName }: AzureFileVolumeSource): void {
  if (!secretName) at.required('secretName');
  if (!shareName) at.required('shareName');
}

const cachingModes = ['None', 'ReadOnly', 'ReadWrite'];
const diskKinds = ['Dedicated', 'Managed', 'Shared'];
const managedDisk = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobDisk = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function azureDisk(at: FieldCursor, { diskName, diskURI, cachingMode, kind }: AzureDiskVolumeSource): void {
  if (!diskName) at.required('diskName');
  if (!diskURI) at.required('diskURI');
  at.optionalChoice('cachingMode', cachingMode, cachingModes);
  at.optionalChoice('kind', kind, diskKinds);
  if (kind === undefined) return;
  if (kind === 'Managed') {
    if (!diskURI.startsWith('/subscriptions/')) at.notSupported('diskURI', diskURI, [managedDisk]);
  } else if (!diskURI.startsWith('https://')) at.notSupported('diskURI', diskURI, [blobDisk]);
}

function vsphereVolume(at: FieldCursor, { volumePath }: VsphereVirtualDiskVolumeSource): void {
  if (!volumePath) at.required('volumePath');
}

function photonPersistentDisk(at: FieldCursor, { pdID }: PhotonPersistentDiskVolumeSource): void {
  if (!pdID) at.required('pdID');
}

function portworxVolume(at: FieldCursor, { volumeID }: PortworxVolumeSource): void {
  if (!volumeID) at.required('volumeID');
}

function scaleIO(at: FieldCursor, { gateway, system, volumeName }: ScaleIOVolumeSource): void {
  if (!gateway) at.required('gateway');
  if (!system) at.required('system');
  if (!volumeName) at.required('volumeName');
}

function storageos(at: FieldCursor, { volumeName, volumeNamespace, secretRef }: StorageOSVolumeSource): void {
  if (!volumeName) at.required('volumeName');
  else at.format('volumeName', volumeName, isDNS1123Label);
  if (volumeNamespace) at.format('volumeNamespace', volumeNamespace, isDNS1123Label);
  if (secretRef !== undefined && !secretRef.name) at.required('secretRef.name');
}

export const cloudVolumeChecks = {
  gitRepo,
  gcePersistentDisk,
  awsElasticBlockStore,
  iscsi,
  glusterfs,
  flocker,
  rbd,
  cinder,
  cephfs,
  quobyte,
  fc,
  flexVolume,
  azureFile,
  vsphereVolume,
  photonPersistentDisk,
  portworxVolume,
  azureDisk,
  storageos,
  scaleIO,
};

export type CloudVolumeSource = object;
