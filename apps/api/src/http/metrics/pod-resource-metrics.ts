import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { type KubeObject, Quantity } from '#apimachinery';
import { addResources, podResourceTotals } from '../../admission/pod-resource-totals.js';

export const POD_RESOURCES_PATH = '/metrics/resources';

/** Kube-scheduler's metrics of what each pod is placed by (pkg/scheduler/metrics/resources). */
const FAMILIES = [
  { name: 'kube_pod_resource_limit', field: 'limits', help: 'What each pod may use, by resource.' },
  { name: 'kube_pod_resource_request', field: 'requests', help: 'What each pod asks for, by resource.' },
] as const;
/** Pods that are written before others have a turn. */
const PODS_AT_A_TIME = 500;

/** The text of `/metrics/resources`; series go with their pods, and so are kept nowhere. */
export async function podResourceText(pods: readonly KubeObject[]): Promise<string> {
  const parts: string[] = [];
  for (const { name, field, help } of FAMILIES) {
    parts.push(`# HELP ${name} ${help}\n# TYPE ${name} gauge\n`);
    for (const [i, pod] of pods.entries()) {
      if (i % PODS_AT_A_TIME === PODS_AT_A_TIME - 1) await turnOfTheLoop();
      if (!isTerminal(pod)) parts.push(linesOf(name, field, pod));
    }
  }
  return parts.join('');
}

/** A pod that has ended before it had a node still counts, as in the reference. */
function isTerminal({ spec, status }: KubeObject): boolean {
  return Boolean(spec.nodeName) && (status?.phase === 'Succeeded' || status?.phase === 'Failed');
}

function linesOf(name: string, field: 'requests' | 'limits', pod: KubeObject): string {
  const { metadata, spec } = pod;
  const about = [
    `namespace="${metadata.namespace}"`,
    `pod="${metadata.name}"`,
    `node="${spec.nodeName ?? ''}"`,
    `scheduler="${escaped(spec.schedulerName ?? '')}"`,
    `priority="${spec.priority ?? ''}"`,
  ].join();
  let lines = '';
  for (const [resource, quantity] of totalsOf(pod, field)) {
    if (quantity.isZero()) continue;
    lines += `${name}{${about},resource="${resource}",unit="${unitOf(resource)}"} ${quantity.toNumber()}\n`;
  }
  return lines;
}

/** With the overhead of the pod's runtime: a limit grows by it only where there is one. */
function totalsOf(pod: KubeObject, field: 'requests' | 'limits'): Map<string, Quantity> {
  const totals = new Map<string, Quantity>();
  addResources(totals, podResourceTotals(pod, field));
  const overhead: Record<string, string> = pod['spec'].overhead ?? {};
  if (field === 'requests') addResources(totals, overhead);
  else {
    for (const [resource, text] of Object.entries(overhead)) {
      const limit = totals.get(resource);
      if (limit && !limit.isZero()) totals.set(resource, limit.add(Quantity.parse(text)));
    }
  }
  return totals;
}

function unitOf(resource: string): string {
  if (resource === 'cpu') return 'cores';
  if (['memory', 'storage', 'ephemeral-storage'].includes(resource) || resource.startsWith('hugepages-'))
    return 'bytes';
  return resource.startsWith('attachable-volumes-') ? 'integer' : '';
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`));
}
