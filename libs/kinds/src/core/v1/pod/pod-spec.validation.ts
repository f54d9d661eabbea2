import { isDNS1123Label, isDNS1123Subdomain, type ObjectMeta, quote } from '#apimachinery';
import type { PodResourceClaim, PodSpec } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { goStruct } from '../../../validation/go-struct.js';
import { isName } from '../../../validation/object-names.js';
import { checkContainers, checkEphemeralContainers, checkInitContainers } from './pod-containers.validation.js';
import { checkFileKeyVolumes } from './pod-env.validation.js';
import {
  checkDnsConfig,
  checkDnsPolicy,
  checkHostAliases,
  checkHostNetworkPorts,
  checkHostname,
  checkHostnameOverride,
} from './pod-network.validation.js';
import { checkHostProcesses, checkHostUsers, checkSystem } from './pod-os.validation.js';
import { MIRROR_POD_ANNOTATION } from './pod-references.js';
import { checkOverhead, checkPodLevelResources, claimNames } from './pod-resources.validation.js';
import {
  checkAffinity,
  checkLabels,
  checkReadinessGates,
  checkSchedulingGates,
  checkTolerations,
} from './pod-scheduling.validation.js';
import { checkPodSecurity } from './pod-security.validation.js';
import { checkTopologySpread } from './pod-topology-spread.validation.js';
import { type Leniency } from './pod-validation-context.js';
import { checkVolumes } from './pod-volumes.validation.js';

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const preemptionPolicies = ['PreemptLowerPriority', 'Never'];
const maxInt32 = 2 ** 31 - 1;

/**
 * A pod's spec, or a template's, with the cursor in it, in upstream's order. `meta` is the metadata of the pod;
 * undefined for a template.
 */
export function checkPodSpec(at: FieldCursor, given: PodSpec, meta: ObjectMeta | undefined, lenient: Leniency): void {
  const spec = withContainers(given);
  if (spec.terminationGracePeriodSeconds === undefined) at.required('terminationGracePeriodSeconds');
  const partial = { spec, meta, lenient };
  const context = { ...partial, volumes: checkVolumes(at, spec, partial), claims: claimNames(spec) };
  checkResourceClaims(at, spec.resourceClaims, meta);
  checkContainers(at, context);
  checkInitContainers(at, context);
  checkEphemeralContainers(at, context);
  checkPodLevelResources(at, spec, lenient);
  checkHostNetworkPorts(at, spec, meta !== undefined);
  at.choice('restartPolicy', spec.restartPolicy, restartPolicies);
  checkDnsPolicy(at, spec.dnsPolicy);
  checkLabels(at, 'nodeSelector', spec.nodeSelector);
  checkPodSecurity(at, spec, spec.securityContext, lenient);
  if (spec.shareProcessNamespace === true && spec.hostPID) {
    at.invalid('shareProcessNamespace', true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  }
  checkAffinity(at, spec.affinity, lenient);
  checkDnsConfig(at, spec.dnsConfig, spec.dnsPolicy);
  checkReadinessGates(at, spec.readinessGates);
  checkSchedulingGates(at, spec.schedulingGates);
  checkTopologySpread(at, spec.topologySpreadConstraints, lenient);
  checkHostProcesses(at, spec);
  checkHostUsers(at, spec, lenient.devicesInUserNamespaces);
  checkHostnameOverride(at, spec);
  checkIdentity(at, spec);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined) at.range('activeDeadlineSeconds', deadline, 1, maxInt32);
  checkHostname(at, spec);
  checkTolerations(at, spec.tolerations);
  checkHostAliases(at, spec.hostAliases);
  checkClasses(at, spec, lenient);
  checkSystem(at, spec);
  checkFileKeyVolumes(at, spec);
}

/** A spec without containers has null in their place. */
export function withContainers(spec: PodSpec): PodSpec {
  return spec.containers ? spec : { ...spec, containers: [] };
}

function checkIdentity(at: FieldCursor, { serviceAccountName = '', serviceAccount = '', nodeName }: PodSpec): void {
  if (serviceAccountName) at.format('serviceAccountName', serviceAccountName, isName);
  if (serviceAccount !== serviceAccountName) {
    const detail = `must be the same as serviceAccountName: ${quote(serviceAccountName)}`;
    at.invalid('deprecatedServiceAccount', serviceAccount, detail);
  }
  if (nodeName) at.format('nodeName', nodeName, isName);
}

function checkClasses(at: FieldCursor, spec: PodSpec, lenient: Leniency): void {
  if (spec.priorityClassName) at.format('priorityClassName', spec.priorityClassName, isName);
  if (spec.runtimeClassName !== undefined) at.format('runtimeClassName', spec.runtimeClassName, isName);
  if (spec.preemptionPolicy !== undefined) at.choice('preemptionPolicy', spec.preemptionPolicy, preemptionPolicies);
  if (spec.overhead !== undefined) checkOverhead(at, spec.overhead, lenient);
}

function checkResourceClaims(
  at: FieldCursor,
  claims: readonly PodResourceClaim[] | undefined,
  meta: ObjectMeta | undefined,
): void {
  if (claims === undefined) return;
  const names = new Set<string>();
  const isMirror = meta?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined;
  at.enter('resourceClaims');
  for (let i = 0; i < claims.length; i++) {
    if (isMirror) {
      // The path is no field's, as upstream's.
      at.errors.push({
        field: '[]',
        reason: 'FieldValueForbidden',
        message: 'Forbidden: static pods do not support resource claims',
      });
      continue;
    }
    at.enter(i);
    checkResourceClaim(at, claims[i]!, names);
    at.leave();
  }
  at.leave();
}

function checkResourceClaim(at: FieldCursor, claim: PodResourceClaim, names: Set<string>): void {
  const { name, resourceClaimName, resourceClaimTemplateName } = claim;
  if (!name) at.required('name');
  else if (names.has(name)) at.duplicate('name', name);
  else {
    at.format('name', name, isDNS1123Label);
    names.add(name);
  }
  const shown = () => goStruct('Name ResourceClaimName ResourceClaimTemplateName', claim);
  if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
    const detail = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
    at.invalid('', shown(), detail);
  }
  if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
    at.invalid('', shown(), 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
  }
  if (resourceClaimName !== undefined) at.format('resourceClaimName', resourceClaimName, isDNS1123Subdomain);
  if (resourceClaimTemplateName !== undefined) {
    at.format('resourceClaimTemplateName', resourceClaimTemplateName, isDNS1123Subdomain);
  }
}
