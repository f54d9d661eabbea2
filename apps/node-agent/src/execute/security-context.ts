import { ownValue } from '#apimachinery';
import type { Container, Pod, SeccompProfile } from '../pod/pod-types.js';
import {
  type CriContainerSecurityContext,
  type CriImage,
  type CriNamespaceOption,
  type CriSecurityProfile,
  NamespaceMode,
  ProfileType,
} from '../runtime/cri-types.js';

/** The container may not run as it asks: CreateContainerConfigError. */
export class SecurityContextError extends Error {}

/** What a runtime hides from containers, and keeps read-only, unless procMount is Unmasked. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export function namespaceOptions(pod: Pod, targetContainerId?: string): CriNamespaceOption {
  const { spec } = pod;
  let pid: number = NamespaceMode.Container;
  if (spec.hostPID) pid = NamespaceMode.Node;
  else if (spec.shareProcessNamespace) pid = NamespaceMode.Pod;
  else if (targetContainerId) pid = NamespaceMode.Target;
  return {
    network: spec.hostNetwork ? NamespaceMode.Node : NamespaceMode.Pod,
    ipc: spec.hostIPC ? NamespaceMode.Node : NamespaceMode.Pod,
    pid,
    ...(pid === NamespaceMode.Target ? { targetId: targetContainerId } : {}),
  };
}

/** `root` is where Localhost profiles lie. */
export function seccomp(profile: SeccompProfile | undefined, privileged: boolean, root: string): CriSecurityProfile {
  if (privileged || !profile) return { profileType: ProfileType['Unconfined'] };
  if (profile.type === 'Localhost') {
    return { profileType: ProfileType['Localhost'], localhostRef: `${root}/${profile.localhostProfile ?? ''}` };
  }
  return { profileType: ownValue(ProfileType, profile.type) ?? ProfileType['RuntimeDefault'] };
}

export function isPrivileged(container: Container): boolean {
  return container.securityContext?.privileged === true;
}

export interface SecurityInput {
  pod: Pod;
  container: Container;
  image: CriImage;
  seccompRoot: string;
  /** Groups that the pod's volumes bring (fsGroup). */
  volumeGroups: number[];
  targetContainerId?: string;
}

export function containerSecurityContext(input: SecurityInput): CriContainerSecurityContext {
  const { pod, container, image } = input;
  const podLevel = pod.spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const privileged = own.privileged === true;
  const runAsUser = own.runAsUser ?? podLevel.runAsUser;
  const runAsGroup = own.runAsGroup ?? podLevel.runAsGroup;
  verifyNonRoot(input, runAsUser);
  const groups = [...(podLevel.supplementalGroups ?? []), ...input.volumeGroups];
  const unmasked = privileged || own.procMount === 'Unmasked';
  const imageUser: Partial<CriContainerSecurityContext> = image.uid
    ? { runAsUser: { value: image.uid.value } }
    : image.username
      ? { runAsUsername: image.username }
      : {};
  const selinux = own.seLinuxOptions ?? podLevel.seLinuxOptions;
  const appArmor = own.appArmorProfile ?? podLevel.appArmorProfile;
  return {
    privileged,
    namespaceOptions: namespaceOptions(pod, input.targetContainerId),
    capabilities: {
      addCapabilities: own.capabilities?.add ?? [],
      dropCapabilities: own.capabilities?.drop ?? [],
    },
    ...(runAsUser !== undefined ? { runAsUser: { value: runAsUser } } : imageUser),
    ...(runAsGroup !== undefined ? { runAsGroup: { value: runAsGroup } } : {}),
    readonlyRootfs: own.readOnlyRootFilesystem === true,
    supplementalGroups: groups,
    ...(podLevel.supplementalGroupsPolicy === 'Strict' ? { supplementalGroupsPolicy: 1 } : {}),
    noNewPrivs: own.allowPrivilegeEscalation === false && !privileged,
    maskedPaths: unmasked ? [] : MASKED_PATHS,
    readonlyPaths: unmasked ? [] : READONLY_PATHS,
    seccomp: seccomp(own.seccompProfile ?? podLevel.seccompProfile, privileged, input.seccompRoot),
    ...(selinux ? { selinuxOptions: selinux } : {}),
    ...(appArmor
      ? {
          apparmor: {
            profileType: ownValue(ProfileType, appArmor.type) ?? 0,
            ...(appArmor.localhostProfile ? { localhostRef: appArmor.localhostProfile } : {}),
          },
        }
      : {}),
  };
}

function verifyNonRoot({ pod, container, image }: SecurityInput, runAsUser: number | undefined): void {
  const nonRoot = container.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot;
  if (!nonRoot) return;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw new SecurityContextError(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.uid) {
    if (image.uid.value === 0) {
      throw new SecurityContextError(`container has runAsNonRoot and image will run as root ${where}`);
    }
    return;
  }
  if (image.username) {
    throw new SecurityContextError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  }
  throw new SecurityContextError(`container has runAsNonRoot and image will run as root ${where}`);
}
