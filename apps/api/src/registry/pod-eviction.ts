import {
  badRequest,
  type KubeObject,
  labelSelectorMatcher,
  notFound,
  type StatusError,
  tooManyRequests,
} from '#apimachinery';
import type { VirtualRequest, VirtualResource } from '../authorization/virtual-resource.js';
import { deleteNamed } from './delete.js';
import { encodeForStorage } from './object-codec.js';
import type { RegistryContext } from './registry-context.js';
import type { DeleteRequestOptions } from './request-options.js';

const PODS = { group: '', resource: 'pods' };
const BUDGETS = 'policy/poddisruptionbudgets';

/** pods/{name}/eviction: a delete that disruption budgets may refuse. */
export function evictionResource(context: () => RegistryContext): VirtualResource {
  return {
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: 'eviction',
    kind: 'Eviction',
    namespaced: true,
    create: (request) => evict(context(), request),
  };
}

async function evict(context: RegistryContext, request: VirtualRequest): Promise<KubeObject> {
  const { namespace, name, object: eviction } = request;
  if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
  const current = context.store.cache('pods').get(namespace, name);
  if (!current) throw notFound(PODS, name);
  const pod = current.parse() as KubeObject;
  if (!mayIgnoreBudgets(pod)) await takeFromBudget(context, pod, request.dryRun);
  const entry = context.resources.find('', 'v1', 'pods')!;
  const given = (eviction.deleteOptions ?? {}) as DeleteRequestOptions & { dryRun?: unknown };
  await deleteNamed(
    context,
    entry,
    {
      verb: 'delete',
      group: '',
      version: 'v1',
      resource: 'pods',
      subresource: '',
      namespace,
      name,
      path: '',
      query: new URLSearchParams(),
      body: undefined,
      contentType: '',
      userAgent: '',
      user: request.user,
      signal: new AbortController().signal,
    },
    { ...given, dryRun: request.dryRun || Array.isArray(given.dryRun) },
    [],
  );
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

/** Pods that serve nobody any more, or not yet, are nobody's disruption. */
function mayIgnoreBudgets(pod: KubeObject): boolean {
  const phase = pod.status?.phase;
  return (
    phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined
  );
}

async function takeFromBudget(context: RegistryContext, pod: KubeObject, dryRun: boolean): Promise<void> {
  const namespace = pod.metadata.namespace!;
  const budgets = (context.store.cache(BUDGETS).list({ namespace })?.items ?? []).filter((item) => {
    const selector = item.parse().spec?.selector;
    return selector !== undefined && labelSelectorMatcher(selector).matches(pod.metadata.labels);
  });
  if (budgets.length === 0) return;
  if (budgets.length > 1) {
    const text = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw tooManyRequests(text, 0);
  }
  const current = budgets[0]!;
  const budget = current.parse() as KubeObject;
  const { status = {}, spec } = budget;
  if (!isReady(pod)) {
    const healthyEnough =
      (status.currentHealthy ?? 0) >= (status.desiredHealthy ?? 0) && (status.desiredHealthy ?? 0) > 0;
    if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' || healthyEnough) return;
  }
  if ((status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    throw blocked(budget.metadata.name!, 'is still being processed by the server.', 10);
  }
  if ((status.disruptionsAllowed ?? 0) <= 0) {
    const why = `needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`;
    throw blocked(budget.metadata.name!, why, 0);
  }
  if (dryRun) return;
  const taken: KubeObject = {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: status.disruptionsAllowed - 1,
      disruptedPods: {
        ...status.disruptedPods,
        [pod.metadata.name!]: context
          .now()
          .toISOString()
          .replace(/\.\d+Z/, 'Z'),
      },
    },
  };
  const result = await context.store.commit({
    writes: [
      {
        op: 'update',
        key: { resource: BUDGETS, namespace, name: current.name },
        uid: current.uid,
        body: encodeForStorage(taken),
        ifRevision: current.revision,
      },
    ],
  });
  if (!result.ok) throw blocked(current.name, 'is still being processed by the server.', 10);
}

function isReady(pod: KubeObject): boolean {
  const conditions = (pod.status?.conditions ?? []) as { type: string; status: string }[];
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}

function blocked(name: string, why: string, retryAfterSeconds: number): StatusError {
  return tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds, [
    { reason: 'DisruptionBudget', message: `The disruption budget ${name} ${why}` },
  ]);
}
