import { isDNS1123Subdomain } from '#apimachinery';
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  Sysctl,
  WindowsSecurityContextOptions,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';
import { checkLocalPath } from '../path.validation.js';
import type { Leniency } from './pod-validation-context.js';

/** Security contexts of pods and containers. */

const maxId = 2 ** 31 - 1;
/** A path that the kernel takes, without its closing zero. */
const maxProfilePath = 4095;
const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const contextFields =
  'Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot ReadOnlyRootFilesystem AllowPrivilegeEscalation ProcMount SeccompProfile AppArmorProfile';
const nestedFields = {
  Capabilities: 'Add Drop',
  SELinuxOptions: 'User Role Type Level',
  WindowsOptions: 'GMSACredentialSpecName GMSACredentialSpec RunAsUserName HostProcess',
  SeccompProfile: 'Type LocalhostProfile',
  AppArmorProfile: 'Type LocalhostProfile',
};

export function checkPodSecurity(
  at: FieldCursor,
  spec: PodSpec,
  context: PodSecurityContext | undefined,
  lenient: Leniency,
): void {
  if (context === undefined) return;
  at.enter('securityContext');
  at.range('fsGroup', context.fsGroup, 0, maxId);
  at.range('runAsUser', context.runAsUser, 0, maxId);
  at.range('runAsGroup', context.runAsGroup, 0, maxId);
  const groups = context.supplementalGroups;
  if (groups !== undefined) {
    at.enter('supplementalGroups');
    for (let i = 0; i < groups.length; i++) {
      at.enter(i);
      at.range('', groups[i], 0, maxId);
      at.leave();
    }
    at.leave();
  }
  if (context.sysctls !== undefined) checkSysctls(at, context.sysctls, spec, lenient);
  at.optionalChoice('fsGroupChangePolicy', context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  checkSeccomp(at, context.seccompProfile);
  checkWindowsOptions(at, context.windowsOptions);
  checkAppArmor(at, context.appArmorProfile);
  at.optionalChoice('supplementalGroupsPolicy', context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  at.optionalChoice('seLinuxChangePolicy', context.seLinuxChangePolicy, ['MountOption', 'Recursive']);
  at.leave();
}

const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const sysctlPattern = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
const maxSysctlName = 253;

function checkSysctls(at: FieldCursor, sysctls: readonly Sysctl[], spec: PodSpec, lenient: Leniency): void {
  const names = new Set<string>();
  at.enter('sysctls');
  for (let i = 0; i < sysctls.length; i++) {
    const { name } = sysctls[i]!;
    at.enter(i);
    if (!name) at.required('name');
    else if (name.length > maxSysctlName || !sysctlName.test(name)) {
      at.invalid('name', name, `must have at most ${maxSysctlName} characters and match regex ${sysctlPattern}`);
    } else if (names.has(name)) at.duplicate('name', name);
    if (!lenient.hostSysctls) {
      const shared = sharedNamespace(name, spec);
      if (shared !== undefined) at.invalid('name', name, `may not be specified when '${shared}' is true`);
    }
    names.add(name);
    at.leave();
  }
  at.leave();
}

const ipcSysctls =
  /^(?:kernel\.(?:sem|shm|shmall|shmmax|shmmni|shm_rmid_forced|msg|msgmax|msgmnb|msgmni)$|fs\.mqueue\.)/;

/** The field by which the pod shares the sysctl's namespace with the node. */
export function sharedNamespace(sysctl: string, spec: PodSpec): 'hostNetwork' | 'hostIPC' | undefined {
  // With slashes as separators, the dots inside a name are slashes the other way round.
  const slash = sysctl.search(/[./]/);
  const name = slash >= 0 && sysctl[slash] === '/' ? swapSeparators(sysctl) : sysctl;
  if (spec.hostNetwork && name.startsWith('net.')) return 'hostNetwork';
  if (spec.hostIPC && ipcSysctls.test(name)) return 'hostIPC';
  return undefined;
}

function swapSeparators(name: string): string {
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

/** `hostUsers`: the pod shares the node's user namespace. */
export function checkContainerSecurity(
  at: FieldCursor,
  context: SecurityContext | undefined,
  hostUsers: boolean,
  lenient: Leniency,
): void {
  if (context === undefined) return;
  at.enter('securityContext');
  at.range('runAsUser', context.runAsUser, 0, maxId);
  at.range('runAsGroup', context.runAsGroup, 0, maxId);
  if (context.procMount !== undefined) {
    at.optionalChoice('procMount', context.procMount, ['Default', 'Unmasked']);
    if (hostUsers && context.procMount === 'Unmasked') {
      at.invalid('procMount', context.procMount, '`hostUsers` must be false to use `Unmasked`');
    }
  }
  checkSeccomp(at, context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) checkEscalation(at, context, lenient);
  checkWindowsOptions(at, context.windowsOptions);
  checkAppArmor(at, context.appArmorProfile);
  at.leave();
}

function checkEscalation(at: FieldCursor, context: SecurityContext, lenient: Leniency): void {
  const refuse = (what: string): void => {
    at.invalid('', shownContext(context), `cannot set \`allowPrivilegeEscalation\` to false and ${what}`);
  };
  if (context.privileged === true) refuse('`privileged` to true');
  if (lenient.systemAdminWithoutEscalation) return;
  for (const capability of context.capabilities?.add ?? []) {
    if (capability === 'CAP_SYS_ADMIN') refuse('`capabilities.Add` CAP_SYS_ADMIN');
  }
}

/** The context as upstream prints it, nested types too. */
function shownContext(context: SecurityContext): Map<string, unknown> {
  const shown = goStruct(contextFields, context);
  for (const [name, fields] of Object.entries(nestedFields)) {
    const value = shown.get(name);
    if (value !== null) shown.set(name, goStruct(fields, value as object));
  }
  return shown;
}

function checkSeccomp(at: FieldCursor, profile: SeccompProfile | undefined): void {
  if (profile === undefined) return;
  const { type, localhostProfile } = profile;
  at.enter('seccompProfile');
  if (!type) at.required('type', 'type is required when seccompProfile is set');
  else at.optionalChoice('type', type, profileTypes);
  if (type === 'Localhost') {
    if (localhostProfile === undefined) at.required('localhostProfile', 'must be set when seccomp type is Localhost');
    else checkLocalPath(at, 'localhostProfile', localhostProfile);
  } else if (localhostProfile !== undefined) {
    const shown = goStruct('Type LocalhostProfile', profile);
    at.invalid('localhostProfile', shown, 'can only be set when seccomp type is Localhost');
  }
  at.leave();
}

function checkAppArmor(at: FieldCursor, profile: AppArmorProfile | undefined): void {
  if (profile === undefined) return;
  const { type, localhostProfile: path } = profile;
  at.enter('appArmorProfile');
  if (!type) at.required('type', 'type is required when appArmorProfile is set');
  else if (!profileTypes.includes(type)) at.notSupported('type', type, profileTypes);
  else if (type !== 'Localhost') {
    if (path !== undefined) at.invalid('localhostProfile', path, 'can only be set when AppArmor type is Localhost');
  } else if (path === undefined || path === '') {
    at.required('localhostProfile', 'must be set when AppArmor type is Localhost');
  } else {
    if (path.trim() !== path) at.invalid('localhostProfile', path, 'must not be padded with whitespace');
    if (Buffer.byteLength(path) > maxProfilePath) at.tooLong('localhostProfile', maxProfilePath);
  }
  at.leave();
}

const maxCredentialSpec = 64 * 1024;
const maxUserDomain = 256;
const maxUserName = 104;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the name may not have
const controlCharacters = /[\x00-\x1f\x7f]/;
const netBiosName = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const domainName =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
const forbiddenInUser = /["/\\:;|=,+*?<>@[\]]/;
const dotsAndSpaces = /^[. ]+$/;

function checkWindowsOptions(at: FieldCursor, options: WindowsSecurityContextOptions | undefined): void {
  if (options === undefined) return;
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options;
  at.enter('windowsOptions');
  if (gmsaCredentialSpecName !== undefined) {
    at.format('gmsaCredentialSpecName', gmsaCredentialSpecName, isDNS1123Subdomain);
  }
  if (gmsaCredentialSpec === '') {
    at.invalid('gmsaCredentialSpec', '', 'gmsaCredentialSpec cannot be an empty string');
  } else if (gmsaCredentialSpec !== undefined && Buffer.byteLength(gmsaCredentialSpec) > maxCredentialSpec) {
    at.invalid('gmsaCredentialSpec', gmsaCredentialSpec, 'gmsaCredentialSpec size must be under 64 KiB');
  }
  for (const text of runAsUserName === undefined ? [] : windowsUserErrors(runAsUserName)) {
    at.invalid('runAsUserName', runAsUserName, text);
  }
  at.leave();
}

/** `domain\user`, or the user alone. */
function windowsUserErrors(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (controlCharacters.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts.at(-1)!;
  const domain = parts.length === 2 ? parts[0]! : undefined;
  const errors: string[] = [];
  if (domain !== undefined) {
    if (Buffer.byteLength(domain) >= maxUserDomain) {
      errors.push(`runAsUserName's Domain length must be under ${maxUserDomain} characters`);
    }
    if (!netBiosName.test(domain) && !domainName.test(domain)) {
      errors.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    }
  }
  if (user === '') errors.push("runAsUserName's User cannot be empty");
  else if (Buffer.byteLength(user) > maxUserName) {
    errors.push(`runAsUserName's User length must not be longer than ${maxUserName} characters`);
  }
  if (dotsAndSpaces.test(user)) errors.push("runAsUserName's User cannot contain only periods or spaces");
  if (forbiddenInUser.test(user)) {
    errors.push(String.raw`runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]`);
  }
  return errors;
}
