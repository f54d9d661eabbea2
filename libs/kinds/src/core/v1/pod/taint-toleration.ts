import type { Pod, Taint, Toleration } from '../../../generated/types.js';

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  // Without a key only Exists is allowed.
  return !!toleration.key && (toleration.value ?? '') === (taint.value ?? '');
}

/**
 * Milliseconds that the pod may stay on a node with these NoExecute taints; Infinity: for ever, 0: not at all. Only
 * tolerations that are used count, and the shortest decides.
 */
export function toleratedTime(pod: Pod, taints: readonly Taint[]): number {
  const tolerations = pod.spec.tolerations ?? [];
  let shortest = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const using = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (using.length === 0) return 0;
    for (const { tolerationSeconds } of using) {
      if (tolerationSeconds !== undefined) shortest = Math.min(shortest, Math.max(0, tolerationSeconds) * 1000);
    }
  }
  return shortest;
}
