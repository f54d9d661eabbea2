import type { Pod } from '../pod/pod.js';

const HEADER = '# Kubernetes-managed hosts file.\n';
const HOST_HEADER = '# Kubernetes-managed hosts file (host network).\n';

/** Text of a pod's /etc/hosts. `hostFile` is the node's own, which a pod on the host network sees. */
export function hostsFile(
  pod: Pod,
  podIPs: readonly string[],
  hostname: string,
  domain: string,
  hostFile: string,
): string {
  const aliases = hostAliases(pod);
  if (pod.spec.hostNetwork) return HOST_HEADER + hostFile + aliases;
  const loopback = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';
  const multicast = 'fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';
  const own = podIPs.map((ip) => (domain ? `${ip}\t${hostname}.${domain}\t${hostname}\n` : `${ip}\t${hostname}\n`));
  return HEADER + loopback + multicast + own.join('') + aliases;
}

function hostAliases(pod: Pod): string {
  const list = pod.spec.hostAliases ?? [];
  if (list.length === 0) return '';
  const lines = list.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}
