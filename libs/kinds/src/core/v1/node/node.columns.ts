import { age, conditionOf, nameOf, none, unknown } from '../../../columns/cells.js';
import type { Cells } from '../../../contract/kind-module.js';
import type { Node } from '../../../generated/types.js';

const rolePrefix = 'node-role.kubernetes.io/';

export const nodeCells: Cells = (node: Node, now) => {
  const info = node.status?.nodeInfo;
  const kernel = info?.kernelVersion || unknown;
  return [
    nameOf(node),
    statusOf(node),
    roles(node.metadata.labels ?? {}),
    age(node, now),
    info?.kubeletVersion ?? '',
    address(node, 'InternalIP'),
    address(node, 'ExternalIP'),
    info?.osImage || unknown,
    info?.architecture ? `${kernel} (${info.architecture})` : kernel,
    info?.containerRuntimeVersion || unknown,
  ];
};

function statusOf(node: Node): string {
  const ready = conditionOf(node, 'Ready');
  const status = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec.unschedulable ? `${status},SchedulingDisabled` : status;
}

function roles(labels: Record<string, string>): string {
  const found = new Set<string>();
  for (const key in labels) {
    if (key.startsWith(rolePrefix)) found.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role') found.add(labels[key]!);
  }
  found.delete('');
  return found.size === 0 ? none : [...found].sort().join(',');
}

function address(node: Node, type: string): string {
  return node.status?.addresses?.find((item) => item.type === type)?.address ?? none;
}
