import { conflict, deepCopy } from '#apimachinery';
import { type CustomResourceDefinition, gvr } from '#kinds';
import type { ApiRequest } from '../registry/api-request.js';
import { groupResourceOf } from '../registry/object-key.js';
import type { RegistryContext } from '../registry/registry-context.js';
import { ENDLESS } from '../registry/request-lifetime.js';
import { DEFINITIONS } from '../registry/write/definition-guard.js';
import { updateRefusal } from '../registry/write/preconditions.js';
import { WriteCall } from '../registry/write/write-call.js';
import { runWrite } from '../registry/write/write-pipeline.js';
import type { WritePlan } from '../registry/write/write-plan.js';
import { WRITE } from '../registry/write/write-stages.js';
import type { CounterKey } from '../storage/store.js';

/** How often names were given to definitions, by any server. */
const DECISIONS: CounterKey = { namespace: '', name: 'customresourcedefinitions/names' };

/**
 * Gives names to definitions, one decision at a time in the whole cluster: each decision adds one to a counter in its commit, up to
 * one above what the counter was before this server looked. A server that did not see the decision of another is refused.
 */
export class NameClaims {
  constructor(
    private readonly context: RegistryContext,
    /** On whose behalf the status is written. */
    private readonly user: ApiRequest['user'],
  ) {}

  /** The number of decisions until now. This server's cache has them all when it resolves. */
  async decisions(): Promise<number> {
    const { namespace, name } = DECISIONS;
    const { values } = await this.context.store.readCounters(namespace, name);
    return values.get(name) ?? 0;
  }

  /** Writes the status that has the names. Rejects with a conflict when there were other decisions than `seen`. */
  async write(crd: CustomResourceDefinition, seen: number): Promise<void> {
    const { context, user } = this;
    const { group, version, resource } = gvr.customresourcedefinitions;
    const entry = context.resources.find(group, version, resource)!;
    const name = crd.metadata.name!;
    const target = { namespace: '', name, subresource: 'status', user, userAgent: user.name, lifetime: ENDLESS };
    const plan: WritePlan = {
      operation: 'UPDATE',
      stages: WRITE,
      options: { dryRun: false },
      code: 200,
      next: () => deepCopy(crd),
      refusal: updateRefusal,
      repeatable: () => false,
      part: () => ({ counters: [{ counter: DECISIONS, delta: 1, limit: seen + 1 }] }),
      exceeded: () => conflict(groupResourceOf(DEFINITIONS), name),
    };
    await runWrite(new WriteCall(context, entry, target, plan, []));
  }
}
