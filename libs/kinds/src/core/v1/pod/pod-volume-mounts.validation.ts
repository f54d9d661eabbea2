import type { Container, Volume, VolumeDevice, VolumeMount } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkLocalPath, hasBacksteps } from '../path.validation.js';

/** How containers see volumes: as mounts and as block devices. */

const propagations = ['Bidirectional', 'HostToContainer', 'None'];
const recursions = ['Disabled', 'Enabled', 'IfPossible'];

export function checkMounts(at: FieldCursor, container: Container, volumes: ReadonlyMap<string, Volume>): void {
  const mounts = container.volumeMounts;
  if (mounts === undefined) return;
  const devices = container.volumeDevices && devicePaths(container.volumeDevices);
  const paths = mounts.length > 1 ? new Set<string>() : undefined;
  at.enter('volumeMounts');
  for (let i = 0; i < mounts.length; i++) {
    const mount = mounts[i]!;
    const { name, mountPath } = mount;
    at.enter(i);
    if (!name) at.required('name');
    if (!volumes.has(name)) at.notFound('name', name);
    if (!mountPath) at.required('mountPath');
    if (paths?.has(mountPath)) at.invalid('mountPath', mountPath, 'must be unique');
    paths?.add(mountPath);
    if (devices !== undefined) checkAgainstDevices(at, mount, devices);
    at.leave();
    checkSubPaths(at, mount, i);
    // From here on the path is the list's, as upstream has it.
    if (mount.mountPropagation !== undefined) checkPropagation(at, mount.mountPropagation, container);
    if (mount.recursiveReadOnly !== undefined) checkRecursion(at, mount.recursiveReadOnly, mount);
  }
  at.leave();
}

interface Devices {
  names: ReadonlySet<string>;
  paths: ReadonlySet<string>;
}

/** Of devices with one name the path of the last counts. */
function devicePaths(devices: readonly VolumeDevice[]): Devices {
  const paths = new Map(devices.map(({ name, devicePath }) => [name, devicePath]));
  return { names: new Set(paths.keys()), paths: new Set(paths.values()) };
}

function checkAgainstDevices(at: FieldCursor, { name, mountPath }: VolumeMount, devices: Devices): void {
  if (devices.names.has(name)) at.invalid('name', name, 'must not already exist in volumeDevices');
  if (devices.paths.has(mountPath)) {
    at.invalid('mountPath', mountPath, 'must not already exist as a path in volumeDevices');
  }
}

function checkSubPaths(at: FieldCursor, { subPath, subPathExpr }: VolumeMount, index: number): void {
  if (subPath) checkLocalPath(at, 'subPath', subPath);
  if (!subPathExpr) return;
  if (subPath) {
    at.enter(index);
    at.invalid('subPathExpr', subPathExpr, 'subPathExpr and subPath are mutually exclusive');
    at.leave();
  }
  checkLocalPath(at, 'subPathExpr', subPathExpr);
}

function checkPropagation(at: FieldCursor, propagation: string, { securityContext }: Container): void {
  at.optionalChoice('mountPropagation', propagation, propagations);
  if (propagation === 'Bidirectional' && securityContext?.privileged !== true) {
    const detail = 'Bidirectional mount propagation is available only to privileged containers';
    at.forbidden('mountPropagation', detail);
  }
}

function checkRecursion(at: FieldCursor, recursion: string, { readOnly, mountPropagation }: VolumeMount): void {
  if (recursion === 'Disabled') return;
  if (!recursions.includes(recursion)) {
    at.notSupported('recursiveReadOnly', recursion, recursions);
    return;
  }
  if (readOnly !== true) at.forbidden('recursiveReadOnly', 'may only be specified when readOnly is true');
  if (mountPropagation !== undefined && mountPropagation !== 'None') {
    const detail = 'may only be specified when mountPropagation is None or not specified';
    at.forbidden('recursiveReadOnly', detail);
  }
}

export function checkDevices(at: FieldCursor, container: Container, volumes: ReadonlyMap<string, Volume>): void {
  const devices = container.volumeDevices;
  if (devices === undefined) return;
  const mounts = new Set(container.volumeMounts?.map(({ name }) => name));
  const mountPaths = new Set(container.volumeMounts?.map(({ mountPath }) => mountPath));
  const names = new Set<string>();
  const paths = new Set<string>();
  at.enter('volumeDevices');
  for (let i = 0; i < devices.length; i++) {
    const { name, devicePath } = devices[i]!;
    const volume = volumes.get(name);
    at.enter(i);
    if (!name) at.required('name');
    if (names.has(name)) at.invalid('name', name, 'must be unique');
    if (volume === undefined) at.notFound('name', name);
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      at.invalid('name', name, detail);
    }
    if (!devicePath) at.required('devicePath');
    if (paths.has(devicePath)) at.invalid('devicePath', devicePath, 'must be unique');
    if (hasBacksteps(devicePath)) at.invalid('devicePath', devicePath, "can not contain backsteps ('..')");
    else paths.add(devicePath);
    if (mounts.has(name)) at.invalid('name', name, 'must not already exist in volumeMounts');
    if (mountPaths.has(devicePath)) {
      at.invalid('devicePath', devicePath, 'must not already exist as a path in volumeMounts');
    }
    if (name) names.add(name);
    at.leave();
  }
  at.leave();
}
