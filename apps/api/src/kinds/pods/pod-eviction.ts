import {
  badRequest,
  conflict,
  field,
  forbidden,
  formatTime,
  invalid,
  type KubeObject,
  labelSelectorMatcher,
  notFound,
  StatusError,
  timeout,
  tooManyRequests,
  unclassified,
} from '#apimachinery';
import { encodeForStorage } from '../../codec/object-codec.js';
import type { RegistryContext } from '../../registry/registry-context.js';
import type { DeleteRequestOptions } from '../../registry/request-options.js';
import { deleteNamed, unmetPrecondition } from '../../registry/verbs/delete.js';
import type { VirtualRequest, VirtualResource } from '../../registry/virtual-resource.js';
import type { CachedObject } from '../../storage/store.js';
import { type BudgetStatus, countedStatus, isReady, withDisruptionAllowed } from './disruption-budget.js';
import { scaleOfController } from './pod-controller-scale.js';

const PODS = { group: '', resource: 'pods' };
const BUDGETS = 'policy/poddisruptionbudgets';
const BUDGET = { group: 'policy', resource: 'poddisruptionbudget' };
const VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget.";
/** Evicted pods that nobody has seen go; more of them stop evictions. */
const MAX_DISRUPTED_PODS = 2000;
const ATTEMPTS = 20;

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
  const { name, object: eviction } = request;
  if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
  const given = (eviction.deleteOptions ?? {}) as Record<string, unknown>;
  if (given['ignoreStoreReadErrorWithClusterBreakingPotential'] === true) {
    const why = 'can not be set for pod eviction, try after removing the option';
    const path = 'deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential';
    throw invalid({ group: 'policy', kind: 'Eviction' }, name, [field.invalid(path, true, why)]);
  }
  const options: DeleteRequestOptions = {
    ...(given as object),
    dryRun: request.dryRun || (Array.isArray(given['dryRun']) && given['dryRun'].length > 0),
  };
  for (let attempt = 1; ; attempt += 1) {
    if (await attemptEviction(context, request, options, attempt === ATTEMPTS)) {
      return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
    }
  }
}

/** False when the pod changed meanwhile: then the eviction begins anew, except at its last attempt. */
async function attemptEviction(
  context: RegistryContext,
  request: VirtualRequest,
  options: DeleteRequestOptions,
  last: boolean,
): Promise<boolean> {
  const { namespace, name } = request;
  await context.store.readBarrier();
  const current = context.store.cache('pods').get(namespace, name);
  if (!current) throw notFound(PODS, name);
  const unmet = unmetPrecondition(context.resources.find('', 'v1', 'pods')!, options, current);
  if (unmet) throw unmet;
  const pod = current.parse() as KubeObject;
  const gone = isGone(pod);
  const pending = !gone && pod.status?.phase === 'Pending';
  const taking = gone || pending ? undefined : await takeFromBudget(context, pod, options.dryRun);
  const ownRevision = options.preconditions?.resourceVersion !== undefined;
  if (gone || ownRevision || (!pending && taking?.unhealthy !== true)) {
    await deletePod(context, request, options);
    return true;
  }
  // The budget was not asked, for what the pod was like: it has to be like that still when it goes.
  const preconditions = { ...options.preconditions, resourceVersion: String(current.revision) };
  try {
    await deletePod(context, request, { ...options, preconditions });
    return true;
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 409) throw error;
    if (taking !== undefined) throw beingProcessed(taking.budget);
    if (last) throw conflict(PODS, name);
    return false;
  }
}

async function deletePod(
  context: RegistryContext,
  { namespace, name, user }: VirtualRequest,
  options: DeleteRequestOptions,
): Promise<void> {
  const entry = context.resources.find('', 'v1', 'pods')!;
  const request = { namespace, name, subresource: '', user };
  await deleteNamed(context, entry, request, options, [], {
    admitted: true,
    mark: (pod) => markDisrupted(pod, context.now()),
  });
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

interface Taken {
  budget: string;
  /** The pod counts for nothing in its budget, so that nothing was taken from it. */
  unhealthy: boolean;
}

/**
 * Takes the pod from the budget that selects it: the budget is written at the revision that was judged, so that of two
 * evictions at a time the second is judged by what the first left. Undefined without budget. Throws 429 when the budget
 * allows no disruption.
 */
async function takeFromBudget(context: RegistryContext, pod: KubeObject, dryRun: boolean): Promise<Taken | undefined> {
  const namespace = pod.metadata.namespace!;
  let name = '';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const budgets = (context.store.cache(BUDGETS).list({ namespace })?.items ?? []).filter((budget) =>
      selects(budget.parse() as KubeObject, pod),
    );
    if (budgets.length === 0) return undefined;
    if (budgets.length > 1) {
      throw unclassified(
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      );
    }
    const current = budgets[0]!;
    name = current.name;
    const budget = current.parse() as KubeObject;
    const status = judgedStatus(context, budget);
    if (!isReady(pod) && mayGoUnhealthy(budget, status)) return { budget: name, unhealthy: true };
    refuse(name, status);
    if (dryRun || (await commitTaken(context, current, budget, status, pod))) return { budget: name, unhealthy: false };
    await context.store.readBarrier();
  }
  throw timeout(`couldn't update PodDisruptionBudget ${JSON.stringify(name)} due to conflicts`, 10);
}

function selects({ spec }: KubeObject, pod: KubeObject): boolean {
  try {
    return labelSelectorMatcher(spec?.selector).matches(pod.metadata.labels);
  } catch {
    // A selector that means nothing selects nothing.
    return false;
  }
}

/**
 * The budget's status, when somebody keeps it. No controller does so yet, and a status of an older generation says
 * nothing of the budget: then the pods are counted here, so that a budget never blocks for want of a status.
 */
function judgedStatus(context: RegistryContext, budget: KubeObject): BudgetStatus {
  const { status, metadata } = budget;
  if ((status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)) {
    return { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, ...status };
  }
  const matcher = labelSelectorMatcher(budget.spec?.selector);
  const pods = (context.store.cache('pods').list({ namespace: metadata.namespace! })?.items ?? [])
    .map((item) => item.parse() as KubeObject)
    .filter((pod) => matcher.matches(pod.metadata.labels));
  return countedStatus(budget, pods, scaleOfController(context.store, context.resources.catalog), context.now());
}

/** An unhealthy pod may go when its application is not disrupted at the moment, or when the budget always lets it. */
function mayGoUnhealthy({ spec }: KubeObject, { currentHealthy, desiredHealthy }: BudgetStatus): boolean {
  return spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' || (currentHealthy >= desiredHealthy && desiredHealthy > 0);
}

function refuse(name: string, status: BudgetStatus): void {
  if (status.disruptionsAllowed < 0) {
    throw forbiddenBy(name, 'pdb disruptions allowed is negative', 'pdb disruptions allowed is negative');
  }
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbiddenBy(name, why, 'too many pending evictions not confirmed by PDB controller');
  }
  if (status.disruptionsAllowed === 0) throw blocked(whyBlocked(name, status), 0);
}

function whyBlocked(name: string, { conditions, currentHealthy, desiredHealthy }: BudgetStatus): string {
  const told = conditions?.find(({ type, status, message }) => {
    return type === 'DisruptionAllowed' && status === 'False' && message !== '';
  });
  const currently = `The disruption budget ${name} does not allow evicting pods currently`;
  if (told?.reason === 'SyncFailed') return `${currently} because it failed sync: ${told.message}`;
  if (currentHealthy <= desiredHealthy) {
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  }
  return told === undefined ? currently : `${currently} (${told.reason}): ${told.message}`;
}

/** False when somebody else wrote the budget first. */
async function commitTaken(
  context: RegistryContext,
  current: CachedObject,
  budget: KubeObject,
  status: BudgetStatus,
  pod: KubeObject,
): Promise<boolean> {
  const now = context.now();
  const left: BudgetStatus = {
    ...status,
    disruptionsAllowed: status.disruptionsAllowed - 1,
    disruptedPods: { ...status.disruptedPods, [pod.metadata.name!]: formatTime(now) },
  };
  const taken: KubeObject = {
    ...budget,
    status: left.disruptionsAllowed === 0 ? withDisruptionAllowed(left, now) : left,
  };
  const result = await context.store.commit({
    writes: [
      {
        op: 'update',
        key: { resource: BUDGETS, namespace: current.namespace, name: current.name },
        uid: current.uid,
        body: encodeForStorage(taken),
        ifRevision: current.revision,
      },
    ],
  });
  return result.ok;
}

function blocked(message: string, retryAfterSeconds: number): StatusError {
  return tooManyRequests(VIOLATION, retryAfterSeconds, [{ reason: 'DisruptionBudget', message }]);
}

function beingProcessed(name: string): StatusError {
  return blocked(`The disruption budget ${name} is still being processed by the server.`, 10);
}

function forbiddenBy(name: string, why: string, cause: string): StatusError {
  const error = forbidden(BUDGET, name, why);
  const message = `The disruption budget ${name} does not allow evicting pods currently: ${cause}`;
  error.status.details = { ...error.status.details, causes: [{ reason: 'DisruptionBudget', message }] };
  return error;
}
