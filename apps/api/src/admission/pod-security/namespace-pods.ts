import { type KubeObject, quote } from '#apimachinery';
import { breath } from '../../codec/large-bodies.js';
import { reasonsText, violations } from './pod-checks.js';
import { type LevelVersion, policyText } from './pod-policy.js';

/** Pods of a namespace that are looked at, at most. */
const MOST_PODS = 3000;
/** Milliseconds that looking at them takes, at most. */
const MOST_MS = 1000;
/** Pods between two turns of everybody else. */
const PODS_PER_TURN = 100;

/** Warnings of pods that run already and would not be admitted at a new enforced level. */
export async function warningsOfPods(
  namespace: string,
  pods: readonly KubeObject[],
  enforce: LevelVersion,
): Promise<string[]> {
  const first = oneOfEachController(pods);
  const counts = new Map<string, { name: string; pods: number }>();
  const end = performance.now() + MOST_MS;
  const most = Math.min(first.length, MOST_PODS);
  let checked = 0;
  while (checked < most && performance.now() <= end) {
    const pod = first[checked]!;
    const findings = violations(enforce, { annotations: pod.metadata.annotations, spec: pod['spec'] });
    if (findings.length > 0) count(counts, reasonsText(findings), pod.metadata.name!);
    checked += 1;
    if (checked % PODS_PER_TURN === 0) await breath();
  }
  const warnings: string[] = [];
  if (checked < first.length) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked} of ${first.length} existing pods`,
    );
  }
  if (counts.size > 0) {
    warnings.push(
      `existing pods in namespace ${quote(namespace)} violate the new PodSecurity enforce level ${quote(policyText(enforce))}`,
    );
  }
  return [
    ...warnings,
    ...[...counts].map(([reason, { name, pods }]) => `${name}${others(pods - 1)}: ${reason}`).sort(),
  ];
}

function count(counts: Map<string, { name: string; pods: number }>, reason: string, name: string): void {
  const known = counts.get(reason);
  if (known === undefined) {
    counts.set(reason, { name, pods: 1 });
    return;
  }
  known.pods += 1;
  if (name < known.name) known.name = name;
}

function others(pods: number): string {
  if (pods === 0) return '';
  return pods === 1 ? ' (and 1 other pod)' : ` (and ${pods} other pods)`;
}

/** Pods of one controller are alike: the others come last. */
function oneOfEachController(pods: readonly KubeObject[]): KubeObject[] {
  const seen = new Set<string>();
  const later: KubeObject[] = [];
  const first = pods.filter((pod) => {
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
    if (owner === undefined || !seen.has(owner)) {
      if (owner !== undefined) seen.add(owner);
      return true;
    }
    later.push(pod);
    return false;
  });
  return [...first, ...later];
}
