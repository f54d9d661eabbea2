import type { KubeObject } from '#apimachinery';

export type PodProjection = (pod: KubeObject) => string;

/**
 * What scheduling reads of a pod, as one text: pods with the same text are alike to every plugin. `fields` are those of the
 * spec that plugins read. The node that a pod was given is left out, so that binding does not change it.
 */
export function podProjection(fields: readonly string[]): PodProjection {
  const read = fields.filter((field) => field !== 'nodeName');
  return (pod) => {
    const { metadata } = pod;
    const spec: Record<string, unknown> = {};
    for (const field of read) {
      // own-lookup: the plugins name the fields
      const value = pod['spec'][field];
      if (value === undefined) continue;
      // own-lookup: the plugins name the fields
      spec[field] = field === 'containers' || field === 'initContainers' ? value?.map(projectContainer) : value;
    }
    return JSON.stringify({
      namespace: metadata.namespace,
      labels: metadata.labels,
      terminating: metadata.deletionTimestamp ? true : undefined,
      spec,
    });
  };
}

/** A projected pod without namespace and labels. */
export function specPart(projected: string): string {
  return projected.slice(projected.indexOf('"spec":'));
}

function projectContainer(container: any): unknown {
  const requests = container.resources?.requests;
  return {
    resources: requests && { requests },
    ports: container.ports?.filter((port: any) => port.hostPort > 0),
    restartPolicy: container.restartPolicy,
  };
}

/** The parts of a node that scheduling reads, each as a text: a change of one wakes the plugins that look at it. */
export interface NodeParts {
  labels: string;
  taints: string;
  allocatable: string;
}

export function nodeParts(node: KubeObject): NodeParts {
  const spec = node['spec'];
  return {
    labels: JSON.stringify(node.metadata.labels ?? {}),
    taints: JSON.stringify([spec?.unschedulable === true, spec?.taints ?? []]),
    allocatable: JSON.stringify(node['status']?.allocatable ?? {}),
  };
}

/** A node as the native snapshot takes it. */
export function projectNode(node: KubeObject): string {
  return JSON.stringify({
    name: node.metadata.name,
    labels: node.metadata.labels,
    unschedulable: node['spec']?.unschedulable,
    taints: node['spec']?.taints,
    allocatable: node['status']?.allocatable,
  });
}
