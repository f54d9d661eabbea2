// biome-ignore lint/style/noRestrictedImports: the files are the kernel's.
import { existsSync, readFileSync } from 'node:fs';
import { ownValue } from '#apimachinery';
import type { AppArmorProfile } from '#kinds';
import { allContainers, type Container, type Pod } from './pod.js';

/** Before there were fields, a profile was an annotation of the pod for each container; static pods may still have it. */
const ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const LOCALHOST = 'localhost/';

/** Pure: the profile that a container asks for: its own, its annotation, the pod's. */
export function appArmorProfile(pod: Pod, container: Container): AppArmorProfile | undefined {
  return (
    container.securityContext?.appArmorProfile ??
    annotated(ownValue(pod.metadata.annotations, ANNOTATION + container.name)) ??
    pod.spec.securityContext?.appArmorProfile
  );
}

function annotated(value: string | undefined): AppArmorProfile | undefined {
  if (value === 'runtime/default') return { type: 'RuntimeDefault' };
  if (value === 'unconfined') return { type: 'Unconfined' };
  if (value?.startsWith(LOCALHOST)) return { type: 'Localhost', localhostProfile: value.slice(LOCALHOST.length) };
  return undefined;
}

/** Pure: why the node cannot confine the pod as it asks; undefined when it can. `enabled`: the kernel has AppArmor. */
export function appArmorProblem(pod: Pod, enabled: boolean): string | undefined {
  const profiles = [...allContainers(pod)].map(({ container }) => appArmorProfile(pod, container));
  if (!enabled) {
    const asked = [...profiles, pod.spec.securityContext?.appArmorProfile].some(
      (profile) => profile !== undefined && profile.type !== 'Unconfined',
    );
    return asked ? 'Cannot enforce AppArmor: AppArmor is not enabled on the host' : undefined;
  }
  const nameless = profiles.find((profile) => profile?.type === 'Localhost' && !profile.localhostProfile?.trim());
  return nameless && 'Cannot enforce AppArmor: invalid empty AppArmor profile name: ""';
}

/** Whether the kernel of this machine confines programs by AppArmor: where the runtime's library looks. */
export function appArmorEnabled(): boolean {
  try {
    return (
      existsSync('/sys/kernel/security/apparmor') &&
      readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y')
    );
  } catch {
    return false;
  }
}
