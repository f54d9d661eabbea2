import {
  badRequest,
  conflict,
  field,
  formatTime,
  invalid,
  isDNS1123Subdomain,
  type KubeObject,
  notFound,
  type StatusError,
} from '#apimachinery';
import { encodeForStorage } from '../../codec/object-codec.js';
import type { RegistryContext } from '../../registry/registry-context.js';
import type { VirtualRequest, VirtualResource } from '../../registry/virtual-resource.js';

const PODS = { group: '', resource: 'pods' };
const PODS_BINDING = { group: '', resource: 'pods/binding' };
const ATTEMPTS = 20;

/** Binding a pod to a node: pods/{name}/binding and the older bindings resource. */
export function bindingResources(context: () => RegistryContext): VirtualResource[] {
  const common = { group: '', version: 'v1', kind: 'Binding', namespaced: true };
  return [
    {
      ...common,
      resource: 'pods',
      subresource: 'binding',
      create: (request) => {
        if (request.object.metadata.name !== request.name) {
          throw badRequest('name in URL does not match name in Binding object');
        }
        return bind(context(), request);
      },
    },
    { ...common, resource: 'bindings', subresource: '', create: (request) => bind(context(), request) },
  ];
}

/**
 * Sets the node, unless the pod has one. The pod's strategy is not asked: only this write may set the field. Whoever was
 * faster with another field does not matter, so the write is made again on the newer pod.
 */
async function bind(
  context: RegistryContext,
  { namespace, object: binding, dryRun }: VirtualRequest,
): Promise<KubeObject> {
  const name = binding.metadata.name ?? '';
  checkTarget(binding);
  const cache = context.store.cache('pods');
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const current = cache.get(namespace, name);
    if (!current) throw notFound(PODS, name);
    const pod = current.parse() as KubeObject;
    const unfit = unbindable(pod, binding, String(current.revision));
    if (unfit) {
      await context.store.readBarrier();
      if (cache.get(namespace, name)?.revision === current.revision) throw unfit;
      continue;
    }
    if (dryRun) return success();
    const bound = boundPod(pod, binding, context.now());
    const result = await context.store.commit({
      writes: [
        {
          op: 'update',
          key: { resource: 'pods', namespace, name },
          uid: current.uid,
          body: encodeForStorage(bound),
          object: bound,
          ifRevision: current.revision,
        },
      ],
    });
    if (result.ok) return success();
    if (result.failure.reason === 'missing') throw notFound(PODS, name);
    await context.store.readBarrier();
  }
  throw conflict(PODS, name);
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

function unbindable(pod: KubeObject, binding: KubeObject, revision: string): StatusError | undefined {
  const name = pod.metadata.name!;
  const { uid, resourceVersion } = binding.metadata;
  if (uid && uid !== pod.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`;
    return conflict(PODS, name, why);
  }
  if (resourceVersion && resourceVersion !== revision) {
    const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${revision}`;
    return conflict(PODS, name, why);
  }
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
