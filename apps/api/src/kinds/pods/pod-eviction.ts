import {
  badRequest,
  field,
  forbidden,
  formatTime,
  invalid,
  type KubeObject,
  labelSelectorMatcher,
  StatusError,
  timeout,
  tooManyRequests,
  unclassified,
} from '#apimachinery';
import { disruptionAllowed, type PodDisruptionBudgetStatus, SYNC_FAILED, withDisruptionAllowed } from '#kinds';
import { encodeForStorage } from '../../codec/object-codec.js';
import type { RegistryContext } from '../../registry/registry-context.js';
import type { DeleteRequestOptions } from '../../registry/request-options.js';
import { deletion } from '../../registry/verbs/delete.js';
import type { VirtualRequest, VirtualResource } from '../../registry/virtual-resource.js';
import { type PreconditionWords, unmetPrecondition } from '../../registry/write/preconditions.js';
import type { WriteCall } from '../../registry/write/write-call.js';
import type { WriteSetPart } from '../../registry/write/write-participant.js';
import { ADMITTED_DELETION } from '../../registry/write/write-stages.js';
import type { Write } from '../../storage/store.js';
import { writePod } from './pod-write.js';

const BUDGETS = 'policy/poddisruptionbudgets';
const BUDGET = { group: 'policy', resource: 'poddisruptionbudget' };
const VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget.";
/** Evicted pods that nobody has seen go; more of them stop evictions. */
const MAX_DISRUPTED_PODS = 2000;
/** Seconds after which a client may ask again about a budget that the controller has not counted yet. */
const UNCOUNTED_RETRY_SECONDS = 10;

const DRY_RUN_ALL = 'All';
/** An eviction checks what the client expects when it marks the pod; a dry run marks nothing, and its delete checks. */
const EVICTION_WORDS: PreconditionWords = {
  resource: { group: '', resource: 'Pod' },
  uid: (wanted, stored) =>
    `the UID in the precondition (${wanted}) does not match the UID in record (${stored}). The object might have been deleted and then recreated`,
  resourceVersion: (wanted, stored) =>
    `the ResourceVersion in the precondition (${wanted}) does not match the ResourceVersion in record (${stored}). The object might have been modified`,
};

/** pods/{name}/eviction: a delete that disruption budgets may refuse. */
export function evictionResource(): VirtualResource {
  return {
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: 'eviction',
    kind: 'Eviction',
    namespaced: true,
    create: (request, context) => evict(context, request),
  };
}

async function evict(context: RegistryContext, request: VirtualRequest): Promise<KubeObject> {
  const { name, object: eviction } = request;
  if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
  const given = (eviction.deleteOptions ?? {}) as Record<string, unknown>;
  if (given['ignoreStoreReadErrorWithClusterBreakingPotential'] === true) {
    const why = 'can not be set for pod eviction, try after removing the option';
    const path = 'deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential';
    throw invalid({ group: 'policy', kind: 'Eviction' }, name, [field.invalid(path, true, why)]);
  }
  const dryRun = (given['dryRun'] ?? []) as string[];
  if (request.dryRun && dryRun.length > 0 && dryRun.join(' ') !== DRY_RUN_ALL) {
    throw unclassified(
      `Non-matching dry-run options in request and content: [${DRY_RUN_ALL}] and [${dryRun.join(' ')}]`,
    );
  }
  const options: DeleteRequestOptions = {
    ...(given as object),
    dryRun: request.dryRun || dryRun.length > 0,
  };
  // The budget is judged by the newest state.
  await context.store.readBarrier();
  await writePod(context, request, name, {
    ...deletion(options, markDisrupted),
    refusal: (call) =>
      unmetPrecondition(call, options.preconditions ?? {}, options.dryRun ? undefined : EVICTION_WORDS),
    stages: ADMITTED_DELETION,
    part: budgetPart,
    retries: ({ resource }) => resource === BUDGETS,
    exhausted: (key) => {
      if (key.resource !== BUDGETS) return undefined;
      return timeout(`couldn't update PodDisruptionBudget ${JSON.stringify(key.name)} due to conflicts`, 10);
    },
  });
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

/** The pod says why it went, in the write that lets it go. */
function markDisrupted(pod: KubeObject, now: Date): void {
  const conditions = (pod.status?.conditions ?? []) as { type: string; status: string; lastTransitionTime: string }[];
  const at = conditions.findIndex(({ type }) => type === 'DisruptionTarget');
  const before = conditions[at];
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: before?.status === 'True' ? before.lastTransitionTime : formatTime(now),
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  pod.status = {
    ...pod.status,
    conditions: at < 0 ? [...conditions, condition] : conditions.with(at, condition),
  };
}

/** Pods that serve nobody any more are nobody's disruption. */
function isGone({ metadata, status }: KubeObject): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' || metadata.deletionTimestamp !== undefined;
}

/**
 * Takes the pod from the budget that selects it, in the write set that the pod goes with: the budget is written at the revision that
 * was judged, so that of two evictions at a time the second is judged by what the first left; and what is taken for a pod that does
 * not go is not taken. Undefined when nothing is to take. Throws 429 when the budget allows no disruption.
 */
function budgetPart({ context, old, now }: WriteCall): WriteSetPart | undefined {
  const pod = old!;
  if (isGone(pod) || pod.status?.phase === 'Pending') return undefined;
  const namespace = pod.metadata.namespace!;
  const budgets = (context.store.cache(BUDGETS).list({ namespace })?.items ?? []).filter((budget) =>
    selects(budget.parse() as KubeObject, pod),
  );
  const [current] = budgets;
  if (current === undefined) return undefined;
  if (budgets.length > 1) {
    throw unclassified(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const budget = current.parse() as KubeObject;
  const status: PodDisruptionBudgetStatus = budget.status ?? {};
  // It counts for nothing in its budget.
  if (!isReady(pod) && mayGoUnhealthy(budget)) return undefined;
  refuse(budget, status);
  const write: Write = {
    op: 'update',
    key: { resource: BUDGETS, namespace, name: current.name },
    uid: current.uid,
    body: encodeForStorage(taken(budget, status, pod, now)),
    ifRevision: current.revision,
  };
  return { writes: [write] };
}

function isReady({ status }: KubeObject): boolean {
  const conditions = (status?.conditions ?? []) as { type: string; status: string }[];
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}

function selects({ spec }: KubeObject, pod: KubeObject): boolean {
  try {
    return labelSelectorMatcher(spec?.selector).matches(pod.metadata.labels);
  } catch {
    // A selector that means nothing selects nothing.
    return false;
  }
}

/** An unhealthy pod may go when its application is not disrupted at the moment, or when the budget always lets it. */
function mayGoUnhealthy({ spec, status }: KubeObject): boolean {
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = (status ?? {}) as PodDisruptionBudgetStatus;
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function refuse({ metadata }: KubeObject, status: PodDisruptionBudgetStatus): void {
  const name = metadata.name!;
  const { disruptionsAllowed = 0 } = status;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    throw blocked(`The disruption budget ${name} is still being processed by the server.`, UNCOUNTED_RETRY_SECONDS);
  }
  if (disruptionsAllowed < 0) {
    throw forbiddenBy(name, 'pdb disruptions allowed is negative', 'pdb disruptions allowed is negative');
  }
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbiddenBy(name, why, 'too many pending evictions not confirmed by PDB controller');
  }
  if (disruptionsAllowed === 0) throw blocked(whyBlocked(name, status), 0);
}

function whyBlocked(name: string, status: PodDisruptionBudgetStatus): string {
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  const condition = disruptionAllowed(status);
  const told = condition?.status === 'False' && condition.message !== '' ? condition : undefined;
  const currently = `The disruption budget ${name} does not allow evicting pods currently`;
  if (told?.reason === SYNC_FAILED) return `${currently} because it failed sync: ${told.message}`;
  if (currentHealthy <= desiredHealthy) {
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  }
  return told === undefined ? currently : `${currently} (${told.reason}): ${told.message}`;
}

function taken(budget: KubeObject, status: PodDisruptionBudgetStatus, pod: KubeObject, now: Date): KubeObject {
  const left: PodDisruptionBudgetStatus = {
    ...status,
    disruptionsAllowed: (status.disruptionsAllowed ?? 0) - 1,
    disruptedPods: { ...status.disruptedPods, [pod.metadata.name!]: formatTime(now) },
  };
  return { ...budget, status: left.disruptionsAllowed === 0 ? withDisruptionAllowed(left, now) : left };
}

function blocked(message: string, retryAfterSeconds: number): StatusError {
  return tooManyRequests(VIOLATION, retryAfterSeconds, [{ reason: 'DisruptionBudget', message }]);
}

function forbiddenBy(name: string, why: string, cause: string): StatusError {
  const error = forbidden(BUDGET, name, why);
  const message = `The disruption budget ${name} does not allow evicting pods currently: ${cause}`;
  error.status.details = { ...error.status.details, causes: [{ reason: 'DisruptionBudget', message }] };
  return error;
}
