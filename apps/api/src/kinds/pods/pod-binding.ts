import {
  badRequest,
  conflict,
  field,
  formatTime,
  invalid,
  isDNS1123Subdomain,
  type KubeObject,
  type StatusError,
} from '#apimachinery';
import type { RegistryContext } from '../../registry/registry-context.js';
import type { VirtualRequest, VirtualResource } from '../../registry/virtual-resource.js';
import { type Preconditions, unmetPrecondition } from '../../registry/write/preconditions.js';
import { SERVER_CHANGE } from '../../registry/write/write-stages.js';
import { writePod } from './pod-write.js';

const PODS_BINDING = { group: '', resource: 'pods/binding' };

/** Binding a pod to a node: pods/{name}/binding and the older bindings resource. */
export function bindingResources(): VirtualResource[] {
  const common = { group: '', version: 'v1', kind: 'Binding', namespaced: true };
  return [
    {
      ...common,
      resource: 'pods',
      subresource: 'binding',
      create: (request, context) => {
        if (request.object.metadata.name !== request.name) {
          throw badRequest('name in URL does not match name in Binding object');
        }
        return bind(context, request);
      },
    },
    { ...common, resource: 'bindings', subresource: '', create: (request, context) => bind(context, request) },
  ];
}

/**
 * Sets the node, unless the pod has one. The pod's strategy is not asked: only this write may set the field. Whoever was
 * faster with another field does not matter, so the write is made again on the newer pod.
 */
async function bind(context: RegistryContext, request: VirtualRequest): Promise<KubeObject> {
  const { object: binding, dryRun } = request;
  checkTarget(binding);
  await writePod(context, request, binding.metadata.name ?? '', {
    operation: 'UPDATE',
    stages: SERVER_CHANGE,
    options: { dryRun },
    code: 201,
    next: (pod, { now }) => boundPod(pod!, binding, now),
    refusal: (call) => unmetPrecondition(call, preconditionsOf(binding)) ?? unbindable(call.old!),
  });
  return success();
}

function preconditionsOf({ metadata: { uid, resourceVersion } }: KubeObject): Preconditions {
  return { uid: uid || undefined, resourceVersion: resourceVersion || undefined };
}

function success(): KubeObject {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

function checkTarget(binding: KubeObject): void {
  const { kind, name } = binding.target ?? {};
  const errors = [];
  if (kind && kind !== 'Node') errors.push(field.notSupported('target.kind', kind, ['Node', '<empty>']));
  if (!name) errors.push(field.required('target.name'));
  else if (!kind || kind === 'Node') {
    for (const text of isDNS1123Subdomain(name)) errors.push(field.invalid('target.name', name, text));
  }
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, binding.metadata.name ?? '', errors);
}

function unbindable(pod: KubeObject): StatusError | undefined {
  const name = pod.metadata.name!;
  if (pod.metadata.deletionTimestamp) {
    return notBindable(name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (pod.spec.nodeName) {
    return notBindable(name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  }
  if ((pod.spec.schedulingGates?.length ?? 0) > 0) {
    return notBindable(name, `pod ${name} has non-empty .spec.schedulingGates`);
  }
  return undefined;
}

function notBindable(name: string, why: string): StatusError {
  return conflict(PODS_BINDING, name, why);
}

function boundPod(pod: KubeObject, binding: KubeObject, now: Date): KubeObject {
  const metadata = { ...pod.metadata };
  if (binding.metadata.annotations) metadata.annotations = { ...metadata.annotations, ...binding.metadata.annotations };
  if (binding.metadata.labels) metadata.labels = { ...metadata.labels, ...binding.metadata.labels };
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  const conditions = (status.conditions ?? []) as { type: string; status: string }[];
  const at = conditions.findIndex((condition) => condition.type === 'PodScheduled');
  if (at < 0 || conditions[at]!.status !== 'True') {
    const scheduled = {
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: formatTime(now),
    };
    status.conditions = at < 0 ? [...conditions, scheduled] : conditions.with(at, scheduled);
  }
  return { ...pod, metadata, spec: { ...pod.spec, nodeName: binding.target.name }, status };
}
