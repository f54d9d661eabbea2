import { isIP } from 'node:net';
import { ownValue } from '#apimachinery';
import { normalSysctl } from '#settings';
import { sandboxLabels } from '../pod/labels.js';
import type { Pod } from '../pod/pod.js';
import { type CriPortMapping, type CriSandboxConfig, ProfileType, Protocol } from '../runtime/cri-types.js';
import { type DnsSettings, podDns, podHostname } from './pod-dns.js';
import { isPrivileged, namespaceOptions, seccomp } from './security-context.js';

export interface SandboxInput {
  pod: Pod;
  attempt: number;
  logDirectory: string;
  /** As the runtime takes it. */
  cgroupParent: string;
  dns: DnsSettings;
  seccompRoot: string;
}

/** What the kernel takes as a host name. */
const MAX_HOSTNAME = 64;

/** Pure. Throws SecurityContextError, or Error for a host name or address, when the pod would get less than it asks for. */
export function sandboxConfig({
  pod,
  attempt,
  logDirectory,
  cgroupParent,
  dns,
  seccompRoot,
}: SandboxInput): CriSandboxConfig {
  const { metadata, spec } = pod;
  const { hostname, domain } = podHostname(pod, dns.clusterDomain);
  const security = spec.securityContext ?? {};
  const privileged = [...spec.containers, ...(spec.initContainers ?? [])].some(isPrivileged);
  return {
    metadata: { name: metadata.name, uid: metadata.uid, namespace: metadata.namespace, attempt },
    hostname: spec.hostNetwork ? '' : kernelHostname(hostname, spec.setHostnameAsFQDN ? domain : ''),
    logDirectory,
    dnsConfig: podDns(pod, dns),
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: { ...metadata.annotations },
    linux: {
      cgroupParent,
      sysctls: Object.fromEntries((security.sysctls ?? []).map(({ name, value }) => [normalSysctl(name), value])),
      securityContext: {
        namespaceOptions: namespaceOptions(pod),
        privileged,
        ...(security.runAsUser !== undefined ? { runAsUser: { value: security.runAsUser } } : {}),
        ...(security.runAsUser !== undefined && security.runAsGroup !== undefined
          ? { runAsGroup: { value: security.runAsGroup } }
          : {}),
        supplementalGroups: [
          ...(security.fsGroup !== undefined ? [security.fsGroup] : []),
          ...(security.supplementalGroups ?? []),
        ],
        ...(security.supplementalGroupsPolicy === 'Strict' ? { supplementalGroupsPolicy: 1 } : {}),
        ...(security.seLinuxOptions ? { selinuxOptions: security.seLinuxOptions } : {}),
        // The sandbox's own process does nothing; the runtime's profile always fits it.
        seccomp: privileged ? seccomp(undefined, true, seccompRoot) : { profileType: ProfileType['RuntimeDefault'] },
      },
    },
  };
}

function kernelHostname(hostname: string, domain: string): string {
  if (!domain) return hostname;
  const name = `${hostname}.${domain}`;
  if (name.length <= MAX_HOSTNAME) return name;
  const limits = `${MAX_HOSTNAME} characters is the max, ${name.length} characters requested`;
  throw new Error(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} is too long (${limits})`,
  );
}

function portMappings(pod: Pod): CriPortMapping[] {
  if (pod.spec.hostNetwork) return [];
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return containers
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort)
    .map((port) => {
      // The network plugin leaves out what is for no address, and says nothing.
      if (port.hostIP && isIP(port.hostIP) === 0)
        throw new Error(`hostIP ${JSON.stringify(port.hostIP)} is no IP address`);
      return {
        protocol: ownValue(Protocol, port.protocol ?? 'TCP') ?? 0,
        containerPort: port.containerPort,
        hostPort: port.hostPort!,
        ...(port.hostIP ? { hostIp: port.hostIP } : {}),
      };
    });
}
