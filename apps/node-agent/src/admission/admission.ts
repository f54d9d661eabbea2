import { fitsRequiredAffinity, type Node, type Taint, tolerates } from '#kinds';
import { appArmorProblem } from '../pod/apparmor.js';
import { missingFeatures, missingMessage } from '../pod/missing-features.js';
import { allContainers, type Pod, type ResourceList } from '../pod/pod.js';
import type { WaitReason } from '../pod/pod-memory.js';
import { isCritical, isStatic } from '../pod/pod-source.js';
import { forbiddenSysctl } from '../pod/pod-sysctls.js';
import { qosClass } from '../pod/qos-class.js';
import { type Shortage, shortageMessage, shortages } from '../pod/shortage.js';
import { portsTaken } from './host-ports.js';

export interface Refusal extends WaitReason {
  /** It follows from labels or taints of the node, of which a copy may be old. */
  ofNode?: boolean;
  /** All that stands in the way of a critical pod: others may have to go for it. */
  lacking?: Shortage[];
}

export interface AdmissionRequest {
  pod: Pod;
  node: Node;
  allocatable: ResourceList;
  /** What holds resources of the node already. */
  others: readonly Pod[];
  /** Conditions of the node that keep new pods away: `MemoryPressure`, ... */
  pressure: readonly string[];
  /** Patterns of kernel settings that the node allows although they are not safe for others. */
  unsafeSysctls: readonly string[];
  /** The kernel confines programs by AppArmor. */
  appArmor: boolean;
}

const MEMORY_PRESSURE: Taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };
const PRIMARY = ['cpu', 'memory', 'ephemeral-storage'];

/**
 * Pure: why a pod that is bound to this node may not run here; undefined when it may. The scheduler asked the same, but
 * not everybody asks the scheduler, and two may have decided at once. Reasons and messages are kubelet's; the first counts.
 */
export function refusal(request: AdmissionRequest): Refusal | undefined {
  const unfit = underPressure(request) ?? unsupported(request);
  if (unfit) return unfit;
  const lacking = lackingResources(request);
  const [failed] = failedPredicates(request);
  const critical = isCritical(request.pod);
  const [shortage] = lacking;
  if (!shortage || (critical && failed)) return failed;
  return {
    reason: `OutOf${shortage.resource}`,
    message: shortageMessage(shortage),
    ...(critical ? { lacking } : {}),
  };
}

/** Short of memory, a node still takes what says how much it needs. */
function underPressure({ pod, pressure }: AdmissionRequest): Refusal | undefined {
  if (pressure.length === 0 || isCritical(pod)) return undefined;
  if (pressure.every((condition) => condition === 'MemoryPressure')) {
    const tolerated = (pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, MEMORY_PRESSURE));
    if (tolerated || qosClass(pod) !== 'BestEffort') return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${pressure.join(' ')}]. ` };
}

function unsupported({ pod, node, unsafeSysctls, appArmor }: AdmissionRequest): Refusal | undefined {
  const sysctl = forbiddenSysctl(pod, unsafeSysctls);
  if (sysctl) return { reason: 'SysctlForbidden', message: sysctl };
  if ((pod.metadata.labels?.['kubernetes.io/os'] ?? 'linux') !== 'linux') {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  if ((pod.spec.os?.name ?? 'linux') !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  const policy = pod.spec.securityContext?.supplementalGroupsPolicy;
  if (policy === 'Strict' && !node.status?.features?.supplementalGroupsPolicy) {
    const message = `SupplementalGroupsPolicy=${policy} is not supported in this node`;
    return { reason: 'SupplementalGroupsPolicyNotSupported', message };
  }
  const unconfined = appArmorProblem(pod, appArmor);
  if (unconfined) return { reason: 'AppArmor', message: unconfined };
  const features = missingFeatures(pod);
  if (features.length > 0) return { reason: 'PodFeatureUnsupported', message: missingMessage(features) };
  return undefined;
}

function lackingResources({ pod, allocatable, others }: AdmissionRequest): Shortage[] {
  const room = Number(allocatable['pods']);
  const tooMany =
    others.length >= room ? [{ resource: 'pods', requested: 1, used: others.length, capacity: room }] : [];
  const named = new Set(
    [...allContainers(pod)].flatMap(({ container }) => Object.keys(container.resources?.requests ?? {})),
  );
  for (const name of PRIMARY) named.delete(name);
  // A node that does not know an extended resource leaves it to whoever manages it for the cluster.
  const further = [...named].filter((name) => Object.hasOwn(allocatable, name) || !isExtended(name)).sort();
  return [...tooMany, ...shortages(pod, [...PRIMARY, ...further], allocatable, others)];
}

function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

function failedPredicates({ pod, node, others }: AdmissionRequest): Refusal[] {
  const failed: Refusal[] = [];
  const fail = (predicate: string, why: string, ofNode: boolean) =>
    failed.push({ reason: predicate, message: `Predicate ${predicate} failed: ${why}`, ...(ofNode ? { ofNode } : {}) });
  if (!fitsRequiredAffinity(pod.spec, node)) {
    fail('NodeAffinity', "node(s) didn't match Pod's node affinity/selector", true);
  }
  if (portsTaken(pod, others)) {
    fail('NodePorts', "node(s) didn't have free ports for the requested pod ports", false);
  }
  if (!isStatic(pod) && !toleratesStay(pod, node)) {
    fail('TaintToleration', "node(s) had taints that the pod didn't tolerate", true);
  }
  return failed;
}

/** Other effects than NoExecute are the scheduler's to look at. */
function toleratesStay({ spec }: Pod, node: Node): boolean {
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  return taints.every((taint) => (spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint)));
}
