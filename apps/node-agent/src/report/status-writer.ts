import { isConflict, isInvalid, isNotFound, ownValue, setOwn } from '#apimachinery';
import type { Client, Logger } from '#client';
import type { PodCondition, PodStatus } from '#kinds';
import type { Pod } from '../pod/pod.js';

export const PODS = { group: '', version: 'v1', resource: 'pods' };

interface Entry {
  wanted?: { pod: Pod; status: PodStatus };
  busy: boolean;
  /** The last writing, which may be over. */
  writing?: Promise<void>;
  /** Nothing more is taken: the pod goes. */
  finished: boolean;
  /** What waits stays, and is not written. */
  held: boolean;
  /** The newest status that the server is known to hold, and its revision. */
  server: PodStatus;
  revision: bigint;
}

/**
 * Brings a pod's status to the API server: one patch at a time for a pod, always the newest status, nothing when it
 * stands there already.
 */
export class StatusWriter {
  private readonly pods = new Map<string, Entry>();

  constructor(
    private readonly client: Client,
    private readonly logger: Logger,
    private readonly retryDelay: (failures: number) => number = (failures) => Math.min(100 * 4 ** failures, 10_000),
  ) {}

  /** `pod` is the newest version that was seen. */
  set(pod: Pod, status: PodStatus): void {
    const { uid } = pod.metadata;
    let entry = this.pods.get(uid);
    if (!entry)
      this.pods.set(
        uid,
        (entry = { busy: false, finished: false, held: false, server: pod.status ?? {}, revision: revisionOf(pod) }),
      );
    else if (revisionOf(pod) > entry.revision) this.learn(entry, pod);
    if (entry.finished) return;
    entry.wanted = { pod, status };
    if (!entry.busy) entry.writing = this.drain(uid, entry);
  }

  /** Resolves when the newest status is written, or the pod is gone. What is set from now on is not written. */
  async finish(uid: string): Promise<void> {
    const entry = this.pods.get(uid);
    if (!entry) return;
    entry.finished = true;
    await entry.writing;
  }

  /** Nothing is written until `resume`: what waits stays. */
  hold(uid: string): void {
    const entry = this.pods.get(uid);
    if (entry) entry.held = true;
  }

  resume(uid: string): void {
    const entry = this.pods.get(uid);
    if (!entry) return;
    entry.held = false;
    if (!entry.busy) entry.writing = this.drain(uid, entry);
  }

  forget(uid: string): void {
    this.pods.delete(uid);
  }

  private learn(entry: Entry, pod: Pod): void {
    entry.server = pod.status ?? {};
    entry.revision = revisionOf(pod);
  }

  private async drain(uid: string, entry: Entry): Promise<void> {
    entry.busy = true;
    let failures = 0;
    while (entry.wanted && !entry.held && this.pods.get(uid) === entry) {
      const { pod, status } = entry.wanted;
      entry.wanted = undefined;
      const { namespace, name } = pod.metadata;
      const body = statusPatch(uid, entry.server, status);
      if (!body) continue;
      try {
        const type = 'application/strategic-merge-patch+json';
        this.learn(entry, await this.client.patch<Pod>(PODS, namespace, name, type, body, { subresource: 'status' }));
        failures = 0;
      } catch (error) {
        // The pod is gone, or another one has its name.
        if (isNotFound(error) || isConflict(error) || isInvalid(error)) {
          if (!isNotFound(error)) this.logger.warn('pod status refused', { pod: `${namespace}/${name}`, error });
          continue;
        }
        this.logger.warn('pod status not written', { pod: `${namespace}/${name}`, error });
        entry.wanted ??= { pod, status };
        await new Promise((resolve) => setTimeout(resolve, this.retryDelay(failures++)));
      }
    }
    entry.busy = false;
  }
}

function revisionOf(pod: Pod): bigint {
  return BigInt(pod.metadata.resourceVersion || 0);
}

/** Conditions of the agent that go away again; others that it does not know are other writers'. */
const PASSING = ['PodResizePending', 'PodResizeInProgress'];

/** Lists with merge keys (conditions, addresses) are patched entry by entry; all else as it stands. */
export function statusPatch(uid: string, old: PodStatus, status: PodStatus): object | undefined {
  const body: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(status)) {
    if (value === undefined || field === 'conditions' || field === 'podIPs' || field === 'hostIPs') continue;
    if (JSON.stringify(ownValue(old, field)) !== JSON.stringify(value)) setOwn(body, field, value);
  }
  const conditions: object[] = (status.conditions ?? [])
    .filter((condition) => !sameCondition(old.conditions, condition))
    .map((condition) => withRemovals(old.conditions, condition));
  for (const type of PASSING) {
    const has = (list: PodCondition[] = []) => list.some((condition) => condition.type === type);
    if (has(old.conditions) && !has(status.conditions)) conditions.push({ $patch: 'delete', type });
  }
  if (conditions.length > 0) body['conditions'] = conditions;
  for (const field of ['podIPs', 'hostIPs'] as const) {
    const wanted = status[field];
    if (!wanted || JSON.stringify(old[field]) === JSON.stringify(wanted)) continue;
    body[field] = old[field]?.length ? [...wanted, { $patch: 'replace' }] : wanted;
  }
  return Object.keys(body).length > 0 ? { metadata: { uid }, status: body } : undefined;
}

/** A merged entry keeps what the patch does not name: texts that no longer hold are removed by null. */
function withRemovals(list: PodCondition[] | undefined, condition: PodCondition): object {
  const before = list?.find((candidate) => candidate.type === condition.type);
  return {
    ...condition,
    ...(before?.reason !== undefined && condition.reason === undefined ? { reason: null } : {}),
    ...(before?.message !== undefined && condition.message === undefined ? { message: null } : {}),
  };
}

function sameCondition(list: PodCondition[] | undefined, condition: PodCondition): boolean {
  const before = list?.find((candidate) => candidate.type === condition.type);
  return (
    before !== undefined &&
    before.status === condition.status &&
    before.reason === condition.reason &&
    before.message === condition.message &&
    before.observedGeneration === condition.observedGeneration
  );
}
