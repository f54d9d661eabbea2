import type { Container, PodSpec } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/** What depends on the operating system that a pod says it is for, and on the namespaces that it shares with its node. */

const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Visits every container with the cursor in it. */
export function eachContainer(at: FieldCursor, spec: PodSpec, visit: (container: Container) => void): void {
  for (const list of containerLists) {
    const containers = spec[list];
    // A spec without containers has null in their place.
    if (!containers) continue;
    at.enter(list);
    for (let i = 0; i < containers.length; i++) {
      at.enter(i);
      visit(containers[i]!);
      at.leave();
    }
    at.leave();
  }
}

const systems = ['linux', 'windows'];
const onWindows = 'cannot be set for a windows pod';
const onLinux = 'windows options cannot be set for a linux pod';

const podFieldsOfLinux = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;

const containerFieldsOfLinux = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

export function checkSystem(at: FieldCursor, spec: PodSpec): void {
  const name = spec.os?.name;
  if (spec.os === undefined) return;
  if (!name) at.required('os.name');
  else if (!systems.includes(name)) at.notSupported('os', name, systems);
  else if (name === 'linux') checkLinux(at, spec);
  else checkWindows(at, spec);
}

function checkLinux(at: FieldCursor, spec: PodSpec): void {
  if (spec.securityContext?.windowsOptions !== undefined) at.forbidden('securityContext.windowsOptions', onLinux);
  eachContainer(at, spec, ({ securityContext }) => {
    if (securityContext?.windowsOptions !== undefined) at.forbidden('securityContext.windowsOptions', onLinux);
  });
}

function checkWindows(at: FieldCursor, spec: PodSpec): void {
  const context = spec.securityContext;
  for (const name of podFieldsOfLinux) {
    if (context?.[name] !== undefined) at.forbidden(`securityContext.${name}`, onWindows);
  }
  if (spec.hostUsers !== undefined) at.forbidden('hostUsers', onWindows);
  if (spec.hostPID) at.forbidden('hostPID', onWindows);
  if (spec.hostIPC) at.forbidden('hostIPC', onWindows);
  if (spec.shareProcessNamespace !== undefined) at.forbidden('shareProcessNamespace', onWindows);
  eachContainer(at, spec, ({ securityContext }) => {
    for (const name of containerFieldsOfLinux) {
      if (securityContext?.[name] !== undefined) at.forbidden(`securityContext.${name}`, onWindows);
    }
  });
}

/** Containers that run as processes of a Windows node: all of a pod's, or none. */
export function checkHostProcesses(at: FieldCursor, spec: PodSpec): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let count = 0;
  let hostProcesses = 0;
  eachContainer(at, spec, ({ securityContext }) => {
    count++;
    const own = securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const detail = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      at.invalid('securityContext.windowsOptions.hostProcess', own, detail);
    }
    if (own ?? ofPod ?? false) hostProcesses++;
  });
  if (hostProcesses === 0) return;
  if (hostProcesses !== count) {
    const detail = 'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    at.invalid('', '', detail);
  }
  if (spec.hostNetwork !== true) {
    at.invalid('hostNetwork', false, 'hostNetwork must be true if pod contains any hostProcess containers');
  }
}

/** A pod with users of its own shares no other namespace with the node. Two paths are capital, as upstream's. */
export function checkHostUsers(at: FieldCursor, spec: PodSpec, allowDevices: boolean): void {
  if (spec.hostUsers !== false) return;
  const detail = 'when `hostUsers` is false';
  if (spec.hostNetwork) at.forbidden('hostNetwork', detail);
  if (spec.hostPID) at.forbidden('HostPID', detail);
  if (spec.hostIPC) at.forbidden('HostIPC', detail);
  if (allowDevices) return;
  eachContainer(at, spec, ({ volumeDevices }) => {
    if ((volumeDevices?.length ?? 0) > 0) at.forbidden('volumeDevices', detail);
  });
}
