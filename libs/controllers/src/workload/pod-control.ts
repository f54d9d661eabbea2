import { hasCause, isNotFound, type KubeObject } from '#apimachinery';
import type { Expectations } from '#client';
import { gvr, type Pod, type PodTemplateSpec } from '#kinds';
import type { ControllerRuntime } from '../context.js';
import { controllerReference } from './controller-ref.js';

/** A pod as the template wants it, owned by `owner`. */
export function podFromTemplate(template: PodTemplateSpec, owner: KubeObject): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      labels,
      annotations,
      finalizers,
      ownerReferences: [controllerReference(owner)],
    },
    spec: template.spec!,
  };
}

/** Creates a pod and says so in an event of its owner. */
export async function createPod(
  { client, recorder }: Pick<ControllerRuntime, 'client' | 'recorder'>,
  pod: Pod,
  owner: KubeObject,
): Promise<Pod> {
  try {
    const created = await client.create(gvr.pods, owner.metadata.namespace!, pod);
    recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    return created;
  } catch (error) {
    if (!hasCause(error, 'NamespaceTerminating')) {
      recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    }
    throw error;
  }
}

/** Deletes a pod and says so in an event of its owner. */
export async function deletePod(
  { client, recorder }: Pick<ControllerRuntime, 'client' | 'recorder'>,
  pod: Pod,
  owner: KubeObject,
): Promise<void> {
  const { namespace, name } = pod.metadata;
  try {
    await client.delete(gvr.pods, namespace!, name!);
    recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    if (!isNotFound(error)) {
      recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
    }
    throw error;
  }
}

export interface BatchResult {
  successes: number;
  /** The first failure; what was left after its batch was not tried. */
  error?: unknown;
}

/**
 * Calls `action` `count` times in batches of 1, 2, 4 ...: when everything fails for one reason, the server hears of it a
 * few times, not hundreds.
 */
export async function slowStart(count: number, action: () => Promise<unknown>): Promise<BatchResult> {
  let successes = 0;
  for (let batch = Math.min(1, count); batch > 0; batch = Math.min(2 * batch, count - successes)) {
    const results = await Promise.allSettled(Array.from({ length: batch }, action));
    const failed = results.find((result) => result.status === 'rejected');
    successes += results.filter((result) => result.status === 'fulfilled').length;
    if (failed) return { successes, error: failed.reason };
  }
  return { successes };
}

export interface PodChanges {
  remove: readonly Pod[];
  /** The pods to create, in order. */
  create: readonly Pod[];
}

/**
 * Deletes and creates an owner's pods, and keeps in `expectations` what the informer has not shown yet. Resolves with the first
 * failure, if there was one; in a namespace that is going away every creation fails, and none is needed.
 */
export async function changePods(
  runtime: Pick<ControllerRuntime, 'client' | 'recorder'>,
  expectations: Expectations,
  key: string,
  owner: KubeObject,
  { remove, create }: PodChanges,
): Promise<unknown> {
  let failure: unknown;
  expectations.expect(
    key,
    create.length,
    remove.map((pod) => pod.metadata.uid!),
  );
  await Promise.all(
    remove.map(async (pod) => {
      try {
        await deletePod(runtime, pod, owner);
      } catch (error) {
        expectations.deletionObserved(key, pod.metadata.uid!);
        if (!isNotFound(error)) failure ??= error;
      }
    }),
  );
  const pods = create.values();
  const { successes, error } = await slowStart(create.length, () => createPod(runtime, pods.next().value!, owner));
  for (let skipped = create.length - successes; skipped > 0; skipped--) expectations.creationObserved(key);
  if (!hasCause(error, 'NamespaceTerminating')) failure ??= error;
  return failure;
}
