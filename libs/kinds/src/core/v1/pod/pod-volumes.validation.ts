import { isDNS1123Label, isDNS1123Subdomain, Quantity, quote } from '#apimachinery';
import type {
  ConfigMapVolumeSource,
  CSIVolumeSource,
  DownwardAPIVolumeSource,
  EmptyDirVolumeSource,
  HostPathVolumeSource,
  ImageVolumeSource,
  NFSVolumeSource,
  PodSpec,
  SecretVolumeSource,
  Volume,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { isName } from '../../../validation/object-names.js';
import { checkNoBacksteps } from '../path.validation.js';
import { checkClaimTemplate } from '../persistent-volume-claim/persistent-volume-claim-spec.validation.js';
import { type CloudVolumeSource, cloudVolumeChecks } from './pod-cloud-volumes.validation.js';
import { checkProjected } from './pod-projected-volumes.validation.js';
import type { PodContext } from './pod-validation-context.js';
import { checkDownwardFile, checkFileMode, checkItems } from './pod-volume-files.validation.js';

const maxSocketPath = 64;

/** In the order in which upstream looks at them: of two sources in one volume, the later one is refused. */
const sourceOrder = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
] as const;

type SourceName = (typeof sourceOrder)[number];

/** Names that upstream prints where they differ from the field's: of the second source, and on the way to its fields. */
const refusedNames: Partial<Record<SourceName, string>> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' };
const pathNames: Partial<Record<SourceName, string>> = { gcePersistentDisk: 'persistentDisk' };

const noVolumes: ReadonlyMap<string, Volume> = new Map();

/** Checks the volumes; the good ones are what containers may mount. */
export function checkVolumes(
  at: FieldCursor,
  spec: PodSpec,
  context: Omit<PodContext, 'volumes' | 'claims'>,
): PodContext['volumes'] {
  const { volumes } = spec;
  if (volumes === undefined || volumes.length === 0) return noVolumes;
  const good = new Map<string, Volume>();
  const created = claimsCreated(volumes, context.meta?.name);
  at.enter('volumes');
  for (let i = 0; i < volumes.length; i++) {
    const volume = volumes[i]!;
    const before = at.errors.length;
    at.enter(i);
    checkSource(at, volume, context);
    if (!volume.name) at.required('name');
    else at.format('name', volume.name, isDNS1123Label);
    if (good.has(volume.name)) at.duplicate('name', volume.name);
    if (at.errors.length === before) good.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created?.has(claim)) {
      const detail = 'must not reference a PVC that gets created for an ephemeral volume';
      at.invalid('persistentVolumeClaim.claimName', claim, detail);
    }
    at.leave();
  }
  at.leave();
  return good;
}

/** Names of the claims that the pod's ephemeral volumes will have. */
function claimsCreated(volumes: readonly Volume[], podName: string | undefined): Set<string> | undefined {
  if (!podName || !volumes.some((volume) => volume.ephemeral !== undefined)) return undefined;
  return new Set(volumes.filter(({ ephemeral }) => ephemeral !== undefined).map(({ name }) => `${podName}-${name}`));
}

function checkSource(at: FieldCursor, volume: Volume, context: Omit<PodContext, 'volumes' | 'claims'>): void {
  let count = 0;
  for (const name of sourceOrder) {
    if (volume[name] === undefined) continue;
    if (count > 0) {
      at.forbidden(refusedNames[name] ?? name, 'may not specify more than 1 volume type');
    } else {
      at.enter(pathNames[name] ?? name);
      checkNamedSource(at, name, volume, context);
      at.leave();
      if (name === 'ephemeral') checkClaimName(at, volume, context);
    }
    if (name === 'iscsi') checkInitiatorLength(at, volume);
    count++;
  }
  if (count === 0) at.required('', 'must specify a volume type');
}

function checkNamedSource(
  at: FieldCursor,
  name: SourceName,
  volume: Volume,
  { lenient }: Omit<PodContext, 'volumes' | 'claims'>,
): void {
  switch (name) {
    case 'emptyDir':
      checkEmptyDir(at, volume.emptyDir!);
      return;
    case 'hostPath':
      checkHostPath(at, volume.hostPath!);
      return;
    case 'secret':
      checkSecret(at, volume.secret!);
      return;
    case 'configMap':
      checkConfigMap(at, volume.configMap!);
      return;
    case 'downwardAPI':
      checkDownwardApi(at, volume.downwardAPI!);
      return;
    case 'projected':
      checkProjected(at, volume.projected!, lenient);
      return;
    case 'persistentVolumeClaim':
      if (!volume.persistentVolumeClaim!.claimName) at.required('claimName');
      return;
    case 'nfs':
      checkNfs(at, volume.nfs!);
      return;
    case 'csi':
      checkCsi(at, volume.csi!);
      return;
    case 'ephemeral':
      if (volume.ephemeral!.volumeClaimTemplate === undefined) at.required('volumeClaimTemplate');
      else checkClaimTemplate(at, 'volumeClaimTemplate', volume.ephemeral!.volumeClaimTemplate);
      return;
    case 'image':
      checkImage(at, volume.image!, lenient.emptyImageReferences);
      return;
    default:
      (cloudVolumeChecks[name] as (at: FieldCursor, source: CloudVolumeSource) => void)(at, volume[name]!);
  }
}

function checkEmptyDir(at: FieldCursor, { sizeLimit }: EmptyDirVolumeSource): void {
  if (sizeLimit !== undefined && Quantity.parse(sizeLimit).sign() < 0) {
    at.forbidden('sizeLimit', 'SizeLimit field must be a valid resource quantity');
  }
}

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

export function checkHostPath(at: FieldCursor, { path, type }: HostPathVolumeSource): void {
  if (!path) {
    at.required('path');
    return;
  }
  checkNoBacksteps(at, 'path', path);
  at.optionalChoice('type', type, hostPathTypes);
}

function checkSecret(at: FieldCursor, source: SecretVolumeSource): void {
  if (!source.secretName) at.required('secretName');
  checkFileMode(at, 'defaultMode', source.defaultMode);
  checkItems(at, source.items);
}

function checkConfigMap(at: FieldCursor, source: ConfigMapVolumeSource): void {
  if (!source.name) at.required('name');
  checkFileMode(at, 'defaultMode', source.defaultMode);
  checkItems(at, source.items);
}

function checkDownwardApi(at: FieldCursor, source: DownwardAPIVolumeSource): void {
  checkFileMode(at, 'defaultMode', source.defaultMode);
  // Paths say the volume, not the item.
  for (const file of source.items ?? []) checkDownwardFile(at, file);
}

export function checkNfs(at: FieldCursor, { server, path }: NFSVolumeSource): void {
  if (!server) at.required('server');
  if (!path) at.required('path');
  if (!path.startsWith('/')) at.invalid('path', path, 'must be an absolute path');
}

function checkCsi(at: FieldCursor, { driver, nodePublishSecretRef }: CSIVolumeSource): void {
  checkDriverName(at, driver);
  if (nodePublishSecretRef === undefined) return;
  if (!nodePublishSecretRef.name) at.required('nodePublishSecretRef.name');
  else at.format('name', nodePublishSecretRef.name, isName);
}

export function checkDriverName(at: FieldCursor, driver: string, name = 'driver'): void {
  if (!driver) {
    at.required(name);
    return;
  }
  if (Buffer.byteLength(driver) > 63) at.tooLong(name, 63);
  for (const text of isDNS1123Subdomain(driver.toLowerCase())) at.invalid(name, driver, text);
}

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];

function checkImage(at: FieldCursor, { reference, pullPolicy }: ImageVolumeSource, emptyReference: boolean): void {
  if (!emptyReference && !reference) at.required('reference');
  at.choice('pullPolicy', pullPolicy, pullPolicies);
}

function checkClaimName(at: FieldCursor, { name }: Volume, { meta }: Omit<PodContext, 'volumes' | 'claims'>): void {
  if (!meta?.name || !name) return;
  const claim = `${meta.name}-${name}`;
  for (const text of isName(claim)) at.invalid('name', name, `PVC name ${quote(claim)}: ${text}`);
}

function checkInitiatorLength(at: FieldCursor, { name, iscsi }: Volume): void {
  if (iscsi?.initiatorName === undefined || `${name}:${iscsi.targetPortal}`.length <= maxSocketPath) return;
  const detail =
    'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
  at.invalid('name', name, detail);
}
