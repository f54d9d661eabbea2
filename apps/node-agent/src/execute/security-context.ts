import { ownValue } from '#apimachinery';
import type { SeccompProfile } from '#kinds';
import { appArmorProfile } from '../pod/apparmor.js';
import type { Container, Pod } from '../pod/pod.js';
import {
  type CriContainerSecurityContext,
  type CriImage,
  type CriNamespaceOption,
  type CriSecurityProfile,
  NamespaceMode,
  ProfileType,
} from '../runtime/cri-types.js';
import { type KernelPaths, pathsFor } from './kernel-paths.js';

/** The container may not run as it asks: CreateContainerConfigError. */
export class SecurityContextError extends Error {}

/**
 * Throws SecurityContextError when the pod wants users of its own: this node gives user namespaces to nobody, whatever the
 * runtime can, and who counts on one must not run without.
 */
export function namespaceOptions(pod: Pod, targetContainerId?: string): CriNamespaceOption {
  const { spec } = pod;
  if (spec.hostUsers === false) {
    throw new SecurityContextError("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
  }
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
  kernelPaths: KernelPaths;
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
  if (own.procMount === 'Unmasked' && !privileged) {
    throw new SecurityContextError('procMount: `hostUsers` must be false to use `Unmasked`');
  }
  const paths = privileged ? { masked: [], readOnly: [] } : pathsFor(container, input.kernelPaths);
  const imageUser: Partial<CriContainerSecurityContext> = image.uid
    ? { runAsUser: { value: image.uid.value } }
    : image.username
      ? { runAsUsername: image.username }
      : {};
  const selinux = own.seLinuxOptions ?? podLevel.seLinuxOptions;
  const appArmor = appArmorProfile(pod, container);
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
    maskedPaths: [...paths.masked],
    readonlyPaths: [...paths.readOnly],
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
