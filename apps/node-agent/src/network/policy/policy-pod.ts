import type { Labels } from '#apimachinery';
import type { Container, Pod } from '#kinds';
import type { PodPortModel } from './policy-table.js';

/** What policies need to know of a pod. */
export interface PolicyPod {
  uid: string;
  namespace: string;
  labels: Labels | undefined;
  addresses: string[];
  /** Ports with a name. */
  ports: PodPortModel[];
  nodeName: string | undefined;
}

/** A smaller copy of a pod, with all that `policyPod` reads: a node keeps one of each pod of the cluster. */
export function slimPod(pod: Pod): Pod {
  const { namespace, name, uid, resourceVersion, labels } = pod.metadata;
  const { nodeName, hostNetwork } = pod.spec;
  const named = (containers: readonly Container[] | undefined) =>
    (containers ?? []).flatMap(({ name: container, restartPolicy, ports }) => {
      const kept = (ports ?? []).filter((port) => port.name);
      return kept.length > 0 ? [{ name: container, restartPolicy, ports: kept }] : [];
    });
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: { namespace, name, uid, resourceVersion, labels },
    spec: {
      nodeName,
      hostNetwork,
      containers: named(pod.spec.containers),
      initContainers: named(pod.spec.initContainers),
    },
    status: { phase: pod.status?.phase, podIPs: pod.status?.podIPs },
  } as Pod;
}

/**
 * Undefined: no policy selects it, as it has the node's network or has ended.
 * @param addresses - that the node knows and the API may not know yet
 */
export function policyPod(pod: Pod, addresses: readonly string[] = []): PolicyPod | undefined {
  const { metadata, spec, status } = pod;
  if (spec?.hostNetwork || status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined;
  const known = (status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports = [...(spec?.containers ?? []), ...sidecars].flatMap((container) => container.ports ?? []);
  return {
    uid: metadata.uid!,
    namespace: metadata.namespace!,
    labels: metadata.labels,
    addresses: [...new Set([...addresses, ...known])],
    ports: ports.flatMap(({ name, protocol = 'TCP', containerPort }) =>
      name ? [{ name, protocol, number: containerPort }] : [],
    ),
    nodeName: spec?.nodeName,
  };
}
