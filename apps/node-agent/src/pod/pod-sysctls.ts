import type { Pod } from './pod.js';

/** Kernel namespaces, in the words of upstream's messages. */
type Namespace = 'UTS' | 'IPC' | 'Net' | 'User';

/** What a pod may set without harm to others on its node: upstream's list. */
const SAFE = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
  'net.ipv4.tcp_slow_start_after_idle',
  'net.ipv4.tcp_notsent_lowat',
];

/** Those that the kernel keeps apart for each pod. */
const NAMESPACED: readonly [pattern: RegExp, namespace: Namespace][] = [
  [/^kernel\.domainname$/, 'UTS'],
  [/^kernel\.(sem|shm|shmall|shmmax|shmmni|shm_rmid_forced|msg|msgmax|msgmnb|msgmni)$/, 'IPC'],
  [/^fs\.mqueue\./, 'IPC'],
  [/^net\./, 'Net'],
  [/^user\./, 'User'],
];

const PATTERN = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]$/;
const MAX_LENGTH = 253;

/** With dots between its parts, whichever way it was written; a slash then stands for a dot within a part. */
export function normalSysctl(name: string): string {
  if (/[./]/.exec(name)?.[0] !== '/') return name;
  return name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}

function namespaceOf(name: string): Namespace | undefined {
  return NAMESPACED.find(([pattern]) => pattern.test(name))?.[1];
}

/** Parses `kernel.msg*,net.core.somaxconn`. Throws an Error with one line. */
export function parseSysctlPatterns(text: string): string[] {
  const patterns = text
    .split(',')
    .map((pattern) => pattern.trim())
    .filter(Boolean);
  for (const pattern of patterns) {
    if (pattern.length > MAX_LENGTH || !PATTERN.test(pattern)) throw new Error(`${pattern} is no sysctl`);
    if (!namespaceOf(normalSysctl(pattern).replace(/\*.*$/, ''))) {
      throw new Error(`the sysctl ${pattern} is not known to be namespaced`);
    }
  }
  return patterns.map(normalSysctl);
}

/** Pure: which kernel setting of the pod its node does not allow, in upstream's words. `unsafe`: what the node allows besides. */
export function forbiddenSysctl({ spec }: Pod, unsafe: readonly string[]): string | undefined {
  for (const { name: written } of spec.securityContext?.sysctls ?? []) {
    const name = normalSysctl(written);
    const allowed = [...SAFE, ...unsafe].some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    );
    if (!allowed) return `forbidden sysctl: "${name}" not allowlisted`;
    const namespace = namespaceOf(name);
    const shared = { UTS: false, IPC: spec.hostIPC, Net: spec.hostNetwork, User: spec.hostUsers !== false };
    if (namespace && shared[namespace]) return `forbidden sysctl: "${name}" not allowed with host ${namespace} enabled`;
  }
  return undefined;
}
