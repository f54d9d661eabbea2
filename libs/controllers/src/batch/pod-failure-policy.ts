import type { ContainerStatus, Pod, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule } from '#kinds';

type PodFailureAction = PodFailurePolicyRule['action'];

/** What a Job's policy makes of a failed pod. */
export interface PodFailure {
  /** Whether it counts towards the back-off limits. */
  counts: boolean;
  /** The action of the rule that matched; undefined when none did. */
  action?: PodFailureAction;
  /** Set when the whole Job fails of it. */
  failsJob?: string;
}

/** The first rule that matches decides; a failure that matches none counts. */
export function judgePodFailure(rules: readonly PodFailurePolicyRule[] | undefined, pod: Pod): PodFailure {
  for (const [at, rule] of (rules ?? []).entries()) {
    const cause = matching(rule, pod);
    if (cause === undefined) continue;
    const { action } = rule;
    if (action !== 'FailJob') return { counts: action !== 'Ignore', action };
    return { counts: true, action, failsJob: `${cause} matching ${action} rule at index ${at}` };
  }
  return { counts: true };
}

/** What of the pod the rule matches, in words. */
function matching({ onExitCodes, onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  if (onExitCodes) {
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const container = [...containerStatuses, ...initContainerStatuses].find((status) => exited(status, onExitCodes));
    const code = container?.state?.terminated?.exitCode;
    return container && `Container ${container.name} for pod ${name} failed with exit code ${code}`;
  }
  const condition = pod.status?.conditions?.find(({ type, status }) =>
    onPodConditions?.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status),
  );
  return condition && `Pod ${name} has condition ${condition.type}`;
}

function exited(
  { name, state }: ContainerStatus,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): boolean {
  const code = state?.terminated?.exitCode;
  if (code === undefined || code === 0) return false;
  if (containerName !== undefined && containerName !== name) return false;
  return operator === 'In' ? values.includes(code) : operator === 'NotIn' && !values.includes(code);
}
