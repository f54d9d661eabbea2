import { quote } from '#apimachinery';
import {
  type CheckedPod,
  type CheckPod,
  containersOf,
  distinct,
  type Finding,
  named,
  namesWhere,
  plural,
  quoted,
  setters,
} from './pod-check.js';
import { badProfiles, seccompDetail } from './seccomp-profiles.js';

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const CAPABILITIES = new Set([
  ...['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP'],
  ...['SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'],
]);

export function appArmorProfile(pod: CheckedPod): Finding | undefined {
  const { byPod, containers, values } = badProfiles(pod, 'appArmorProfile');
  const annotations = Object.entries(pod.annotations ?? {})
    .filter(([key, value]) => key.startsWith(APPARMOR_ANNOTATION) && !isAllowedAppArmor(value))
    .map(([key, value]) => `${key}=${quote(value)}`);
  const by = [
    setters(byPod, containers),
    annotations.length > 0 && plural('annotation', 'annotations', annotations.length),
  ];
  const who = by.filter(Boolean).join(' and ');
  if (who === '') return undefined;
  const all = [...values, ...distinct(annotations)];
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', all.length),
    detail: `${who} must not set AppArmor profile type to ${quoted(all)}`,
  };
}

function isAllowedAppArmor(profile: string): boolean {
  return profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');
}

export function capabilitiesBaseline(pod: CheckedPod): Finding | undefined {
  const extra = ({ securityContext }: any): string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name: string) => !CAPABILITIES.has(name));
  const names = namesWhere(pod, (container) => extra(container).length > 0);
  if (names.length === 0) return undefined;
  const added = quoted(distinct(containersOf(pod).flatMap(extra)));
  return {
    reason: 'non-default capabilities',
    detail: `${named('container', names)} must not include ${added} in securityContext.capabilities.add`,
  };
}

export function hostNamespaces({ spec }: CheckedPod): Finding | undefined {
  const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => spec[name] === true);
  if (shared.length === 0) return undefined;
  return { reason: 'host namespaces', detail: shared.map((name) => `${name}=true`).join(', ') };
}

export function hostPathVolumes({ spec }: CheckedPod): Finding | undefined {
  const names = (spec.volumes ?? []).filter((volume: any) => volume.hostPath != null).map(({ name }: any) => name);
  return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: named('volume', names) };
}

export function hostPorts(pod: CheckedPod): Finding | undefined {
  const taken = ({ ports = [] }: any): string[] =>
    (ports ?? []).filter(({ hostPort }: any) => (hostPort ?? 0) !== 0).map(({ hostPort }: any) => String(hostPort));
  const names = namesWhere(pod, (container) => taken(container).length > 0);
  if (names.length === 0) return undefined;
  const ports = distinct(containersOf(pod).flatMap(taken));
  const use = `${plural('uses', 'use', names.length)} ${plural('hostPort', 'hostPorts', ports.length)}`;
  return { reason: 'hostPort', detail: `${named('container', names)} ${use} ${ports.join(', ')}` };
}

export function hostProbes(pod: CheckedPod): Finding | undefined {
  const names = distinct(namesWhere(pod, (container) => hostsOf(container).length > 0));
  if (names.length === 0) return undefined;
  const hosts = distinct(containersOf(pod).flatMap(hostsOf));
  const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length);
  return {
    reason: 'probe or lifecycle host',
    detail: `${named('container', names)} ${plural('uses', 'use', names.length)} ${what} ${quoted(hosts)}`,
  };
}

function hostsOf({ livenessProbe, readinessProbe, startupProbe, lifecycle }: any): string[] {
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return handlers
    .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
    .filter((host) => host != null && host !== '');
}

export function privileged(pod: CheckedPod): Finding | undefined {
  const names = namesWhere(pod, ({ securityContext }) => securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: 'privileged', detail: `${named('container', names)} must not set securityContext.privileged=true` };
}

export function procMount(pod: CheckedPod): Finding | undefined {
  const names = namesWhere(pod, isMountUnmasked);
  if (names.length === 0) return undefined;
  const types = distinct(
    containersOf(pod)
      .filter(isMountUnmasked)
      .map(({ securityContext }) => securityContext.procMount),
  );
  return {
    reason: 'procMount',
    detail: `${named('container', names)} must not set securityContext.procMount to ${quoted(types)}`,
  };
}

function isMountUnmasked({ securityContext }: any): boolean {
  return (securityContext?.procMount ?? 'Default') !== 'Default';
}

/** `types` beside those that every version allows. */
export function seLinuxOptions(types: readonly string[]): CheckPod {
  const allowed = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', ...types]);
  const isBad = (options: any): boolean =>
    options != null && (!allowed.has(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
  return (pod) => {
    const ofPod = pod.spec.securityContext?.seLinuxOptions;
    const isBadContainer = ({ securityContext }: any) => isBad(securityContext?.seLinuxOptions);
    const who = setters(isBad(ofPod), namesWhere(pod, isBadContainer));
    if (who === undefined) return undefined;
    const all = [ofPod, ...containersOf(pod).map(({ securityContext }) => securityContext?.seLinuxOptions)].filter(
      isBad,
    );
    const badTypes = distinct(all.map(({ type = '' }) => type).filter((type) => !allowed.has(type)));
    const what = [
      ...(badTypes.length > 0 ? [named('type', badTypes)] : []),
      ...(all.some(({ user }) => user) ? ['user may not be set'] : []),
      ...(all.some(({ role }) => role) ? ['role may not be set'] : []),
    ];
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`,
    };
  };
}

const SECCOMP_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/';

/** Before 1.19 profiles were annotations. */
export function seccompAnnotations(pod: CheckedPod): Finding | undefined {
  const keys = [SECCOMP_ANNOTATION, ...containersOf(pod).map(({ name }) => `${SECCOMP_CONTAINER_ANNOTATION}${name}`)];
  const isBad = (value: string) =>
    value !== 'runtime/default' && value !== 'docker/default' && !value.startsWith('localhost/');
  const found = Object.entries(pod.annotations ?? {}).filter(([key, value]) => keys.includes(key) && isBad(value));
  if (found.length === 0) return undefined;
  const shown = distinct(found.map(([key, value]) => `${key}=${quote(value)}`));
  return {
    reason: 'seccompProfile',
    detail: `forbidden ${plural('annotation', 'annotations', shown.length)} ${shown.join(', ')}`,
  };
}

export function seccompProfileBaseline(pod: CheckedPod): Finding | undefined {
  const found = badProfiles(pod, 'seccompProfile');
  const detail = seccompDetail(found);
  return detail === undefined ? undefined : { reason: 'seccompProfile', detail };
}

/** Those that a version allows. */
export function sysctls(names: readonly string[]): CheckPod {
  const allowed = new Set(names);
  return ({ spec }) => {
    const all: string[] = (spec.securityContext?.sysctls ?? []).map(({ name }: any) => name);
    const forbidden = all.filter((name) => !allowed.has(name));
    return forbidden.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: forbidden.join(', ') };
  };
}

export function windowsHostProcess(pod: CheckedPod): Finding | undefined {
  const isHost = (context: any): boolean => context?.windowsOptions?.hostProcess === true;
  const names = namesWhere(pod, ({ securityContext }) => isHost(securityContext));
  const who = setters(isHost(pod.spec.securityContext), names);
  if (who === undefined) return undefined;
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
}
