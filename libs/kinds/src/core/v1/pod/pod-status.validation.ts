import { isDNS1123Label, isDNS1123Subdomain, isQualifiedName, ownValue } from '#apimachinery';
import type {
  Container,
  ContainerStatus,
  Pod,
  PodExtendedResourceClaimStatus,
  PodResourceClaimStatus,
  PodSpec,
  PodStatus,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { firstByName } from '../../../validation/fields.js';
import { isIPv4, validateIp } from '../../../validation/ip.js';
import { isName } from '../../../validation/object-names.js';
import { checkAllocatedResources } from './pod-allocated-resources.validation.js';

/** What a kubelet or anybody else may write into a pod's status. */

const maxGroup = 2 ** 31 - 1;
const maxUser = 2 ** 32 - 1;
const containerLists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;
const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);

/** With the cursor in the status. */
export function checkPodStatus(at: FieldCursor, pod: Pod, old: Pod): void {
  const status = pod.status ?? {};
  const before = old.status ?? {};
  checkConditions(at, status);
  if ((pod.spec.nodeName ?? '') !== (old.spec.nodeName ?? '')) at.forbidden('nodeName', 'may not be changed directly');
  checkNominatedNode(at, status.nominatedNodeName ?? '', before.nominatedNodeName ?? '', old.spec);
  checkGeneration(at, 'observedGeneration', status.observedGeneration);
  if ((status.qosClass ?? '') !== (before.qosClass ?? '')) {
    at.invalid('qosClass', status.qosClass ?? '', 'field is immutable');
  }
  checkTransitions(at, 'containerStatuses', status, before, old.spec, old.spec.containers);
  checkTransitions(at, 'initContainerStatuses', status, before, old.spec, old.spec.initContainers ?? []);
  checkTransitions(at, 'ephemeralContainerStatuses', status, before, old.spec, undefined);
  checkClaimStatuses(at, status.resourceClaimStatuses, pod.spec);
  checkExtendedClaim(at, status.extendedResourceClaimStatus, pod.spec);
  checkPodIps(at, status, before);
  checkHostIps(at, status, before);
  for (const list of containerLists) checkUsers(at, list, status[list], pod.spec.os?.name ?? 'linux');
  checkAllocatedResources(at, 'containerStatuses', status, pod.spec.containers);
  checkAllocatedResources(at, 'initContainerStatuses', status, pod.spec.initContainers ?? []);
  status.ephemeralContainerStatuses?.forEach(({ allocatedResourcesStatus = [] }, i) => {
    if (allocatedResourcesStatus.length === 0) return;
    const path = `ephemeralContainerStatuses[${i}].allocatedResourcesStatus`;
    at.forbidden(path, 'must not be specified in container status');
  });
}

function checkGeneration(at: FieldCursor, name: string, generation: number | undefined): void {
  if (generation !== undefined && generation < 0) at.invalid(name, generation, 'must be a non-negative integer');
}

function checkConditions(at: FieldCursor, { conditions = [] }: PodStatus): void {
  for (let i = 0; i < conditions.length; i++) {
    const { type, observedGeneration } = conditions[i]!;
    at.enter('conditions');
    at.enter(i);
    checkGeneration(at, 'observedGeneration', observedGeneration);
    if (!systemConditions.has(type)) at.format('Type', type, isQualifiedName);
    at.leave(2);
  }
}

function checkNominatedNode(at: FieldCursor, node: string, before: string, old: PodSpec): void {
  if (node === '' || node === before) return;
  at.format('nominatedNodeName', node, isName);
  if (old.nodeName) at.forbidden('nominatedNodeName', 'may not be set on pods that are already bound to a node');
}

/** A container that ended for good stays ended. Ephemeral ones (no `containers`) always do. */
function checkTransitions(
  at: FieldCursor,
  list: (typeof containerLists)[number],
  status: PodStatus,
  before: PodStatus,
  spec: PodSpec,
  containers: readonly Container[] | undefined,
): void {
  const old = before[list];
  if (old === undefined) return;
  if (containers !== undefined && mayRestartAll(spec)) return;
  const current = firstByName(status[list] ?? []);
  const named = firstByName(containers ?? []);
  for (let i = 0; i < old.length; i++) {
    const { name, state } = old[i]!;
    const ended = state?.terminated;
    if (ended === undefined) continue;
    const now = current.get(name);
    if (now === undefined || now.state?.terminated !== undefined) continue;
    const container = named.get(name);
    if (container !== undefined && mayRestart(container, spec, ended.exitCode)) continue;
    at.forbidden(`${list}[${i}].state`, 'may not be transitioned to non-terminated state');
  }
}

function mayRestartAll({ initContainers = [], containers }: PodSpec): boolean {
  const restarts = ({ restartPolicyRules }: Container): boolean =>
    restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers') ?? false;
  return initContainers.some(restarts) || containers.some(restarts);
}

/** Whether a container that ended with this code may run again: its own rules, its own policy, then the pod's. */
export function mayRestart(container: Container, spec: PodSpec, exitCode: number): boolean {
  const own = container.restartPolicy;
  if (own !== undefined && container.restartPolicyRules?.some((rule) => matches(rule, exitCode))) return true;
  const policy = own === 'Always' || own === 'OnFailure' || own === 'Never' ? own : spec.restartPolicy;
  return policy === 'OnFailure' ? exitCode !== 0 : policy !== 'Never';
}

function matches({ exitCodes }: NonNullable<Container['restartPolicyRules']>[number], exitCode: number): boolean {
  if (exitCodes === undefined) return false;
  const listed = exitCodes.values?.includes(exitCode) ?? false;
  return exitCodes.operator === 'In' ? listed : exitCodes.operator === 'NotIn' && !listed;
}

function checkClaimStatuses(at: FieldCursor, statuses: PodResourceClaimStatus[] | undefined, spec: PodSpec): void {
  if (statuses === undefined) return;
  const claims = new Set(spec.resourceClaims?.map((claim) => claim.name));
  const seen = new Set<string>();
  statuses.forEach(({ name, resourceClaimName }, i) => {
    at.enter('resourceClaimStatuses');
    at.enter(i);
    if (!claims.has(name)) {
      at.invalid('name', name, 'must match the name of an entry in `spec.resourceClaims`');
    }
    if (seen.has(name)) at.duplicate('name', name);
    seen.add(name);
    if (resourceClaimName !== undefined) at.format('resourceClaimName', resourceClaimName, isDNS1123Subdomain);
    at.leave(2);
  });
}

function checkExtendedClaim(
  at: FieldCursor,
  status: PodExtendedResourceClaimStatus | undefined,
  { initContainers = [], containers }: PodSpec,
): void {
  if (status === undefined) return;
  const { resourceClaimName } = status;
  const requestMappings = status.requestMappings ?? [];
  const places = 'spec.initContainers';
  // Of containers with one name the last counts.
  const named = new Map([...initContainers, ...containers].map((container) => [container.name, container]));
  const seen = new Set<string>();
  at.enter('extendedResourceClaimStatus');
  if (requestMappings.length === 0) at.required('requestMappings', 'at least one request mapping is required');
  requestMappings.forEach(({ containerName, resourceName, requestName }, i) => {
    const path = `requestMappings[${i}]`;
    const container = named.get(containerName);
    if (container === undefined) {
      const detail = `must match the name of an entry in ${places}.name or spec.containers.name`;
      at.invalid(`${path}.containerName`, containerName, detail);
    } else if (ownValue(container.resources?.requests, resourceName) === undefined) {
      const detail = `must match the extended resource name of an entry in ${places}.resources.requests or spec.containers.resources.requests`;
      at.invalid(`${path}.resourceName`, resourceName, detail);
    }
    at.format('requestName', requestName, isDNS1123Label);
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      at.duplicate(`${path}.containerName`, containerName);
      at.duplicate(`${path}.resourceName`, resourceName);
      at.duplicate(`${path}.requestName`, requestName);
    }
    seen.add(key);
  });
  if (!resourceClaimName) at.required('resourceClaimName');
  else at.format('resourceClaimName', resourceClaimName, isDNS1123Subdomain);
  at.leave();
}

function checkPodIps(at: FieldCursor, { podIP = '', podIPs = [] }: PodStatus, before: PodStatus): void {
  checkIps(at, 'podIPs', podIPs, before.podIPs);
  if ((podIP !== '') !== podIPs.length > 0) {
    at.invalid('podIPs', podIPs, 'podIP and podIPs must either both be set or both be unset');
  } else if (podIPs.length > 0 && podIP !== podIPs[0]!.ip) {
    at.invalid('podIPs[0].ip', podIPs[0]!.ip, 'must be equal to `podIP`');
  }
}

function checkHostIps(at: FieldCursor, { hostIP = '', hostIPs = [] }: PodStatus, before: PodStatus): void {
  if (hostIPs.length === 0) return;
  if (hostIP !== hostIPs[0]!.ip) at.invalid('hostIPs[0].ip', hostIPs[0]!.ip, 'must be equal to `hostIP`');
  checkIps(at, 'hostIPs', hostIPs, before.hostIPs);
}

interface Ip {
  ip?: string;
}

/** One address of each family at most. What was accepted once stays accepted. */
function checkIps(at: FieldCursor, name: string, ips: readonly Ip[], before: readonly Ip[] = []): void {
  if (ips.length === 0) return;
  const known = new Set(before.map(({ ip = '' }) => ip));
  ips.forEach(({ ip = '' }, i) => {
    at.add(validateIp(at.path(`${name}[${i}]`), ip, known));
  });
  const families = new Set(ips.map(({ ip = '' }) => isIPv4(ip)));
  if (ips.length > 2 || (ips.length === 2 && families.size < 2)) {
    at.invalid(
      name,
      ips.map(({ ip = '' }) => new Map([['IP', ip]])),
      'may specify no more than one IP for each IP family',
    );
  }
}

function checkUsers(at: FieldCursor, list: string, statuses: readonly ContainerStatus[] | undefined, os: string): void {
  statuses?.forEach(({ user }, i) => {
    const own = user?.linux;
    if (own === undefined) return;
    at.enter(list);
    at.enter(i);
    if (os === 'windows') at.forbidden('user.linux', 'cannot be set for a windows pod');
    else if (os === 'linux') {
      at.range('user.linux.uid', own.uid, 0, maxUser);
      at.range('user.linux.gid', own.gid, 0, maxGroup);
      own.supplementalGroups?.forEach((group, g) => {
        at.range(`user.linux.supplementalGroups[${g}]`, group, 0, maxGroup);
      });
    }
    at.leave(2);
  });
}
