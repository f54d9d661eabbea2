import { normalSysctl, sysctlNamespace } from '#settings';
import type { Pod } from './pod.js';

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

/** Pure: which kernel setting of the pod its node does not allow, in upstream's words. `unsafe`: what the node allows besides. */
export function forbiddenSysctl({ spec }: Pod, unsafe: readonly string[]): string | undefined {
  for (const { name: written } of spec.securityContext?.sysctls ?? []) {
    const name = normalSysctl(written);
    const allowed = [...SAFE, ...unsafe].some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    );
    if (!allowed) return `forbidden sysctl: "${name}" not allowlisted`;
    const namespace = sysctlNamespace(name);
    const shared = { UTS: false, IPC: spec.hostIPC, Net: spec.hostNetwork, User: spec.hostUsers !== false };
    if (namespace && shared[namespace]) return `forbidden sysctl: "${name}" not allowed with host ${namespace} enabled`;
  }
  return undefined;
}
