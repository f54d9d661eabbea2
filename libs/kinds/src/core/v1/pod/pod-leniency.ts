import { isLabelValue, type LabelSelector, Quantity, validateLabelSelector } from '#apimachinery';
import type { Container, PodSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkLocalFile } from '../path.validation.js';
import { isHugePages } from '../resource-names.js';
import { isDivisible } from './pod-resources.validation.js';
import { checkLabelKeys } from './pod-scheduling.validation.js';
import { sharedNamespace } from './pod-security.validation.js';
import type { Leniency } from './pod-validation-context.js';

/** Which rules a stored spec breaks already, so that an update of it may go on breaking them. */
export function leniencyOf(spec: PodSpec): Leniency {
  const containers = allContainers(spec);
  const constraints = spec.topologySpreadConstraints ?? [];
  return {
    indivisibleHugePages: containers.some(({ resources }) =>
      [resources?.requests, resources?.limits].some(hasIndivisiblePages),
    ),
    labelValuesInSelectors: affinitySelectors(spec).some(hasBadValue),
    labelValuesInNodeAffinity: nodeValues(spec).some((value) => isLabelValue(value).length > 0),
    spreadSelectors: constraints.some(({ labelSelector }) => isBadSelector(labelSelector)),
    spreadLabelKeys: constraints.some(({ matchLabelKeys, labelSelector }) =>
      fails((at) => checkLabelKeys(at, matchLabelKeys, undefined, labelSelector)),
    ),
    tokenPaths: tokenPaths(spec).some((path) => fails((at) => checkLocalFile(at, 'path', path))),
    hostSysctls: (spec.securityContext?.sysctls ?? []).some(({ name }) => sharedNamespace(name, spec) !== undefined),
    restartOfInitContainers: (spec.initContainers ?? []).some(
      ({ restartPolicy, resizePolicy }) =>
        restartPolicy !== 'Always' && resizePolicy?.some((policy) => policy.restartPolicy === 'RestartContainer'),
    ),
    devicesInUserNamespaces:
      spec.hostUsers === false && containers.some(({ volumeDevices }) => (volumeDevices?.length ?? 0) > 0),
    emptyImageReferences: (spec.volumes ?? []).some(({ image }) => image !== undefined && !image.reference),
    systemAdminWithoutEscalation: containers.some(
      ({ securityContext }) =>
        securityContext?.allowPrivilegeEscalation === false &&
        securityContext.capabilities?.add?.includes('CAP_SYS_ADMIN'),
    ),
  };
}

function allContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

function fails(check: (at: FieldCursor) => void): boolean {
  const at = new FieldCursor('spec');
  check(at);
  return at.errors.length > 0;
}

function hasIndivisiblePages(list: Record<string, string> | undefined): boolean {
  return Object.entries(list ?? {}).some(
    ([name, amount]) => isHugePages(name) && !isDivisible(name, Quantity.parse(amount)),
  );
}

function affinitySelectors({ affinity }: PodSpec): (LabelSelector | undefined)[] {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((side) => {
    const weighted = side?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const terms = [
      ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...weighted.map(({ podAffinityTerm }) => podAffinityTerm),
    ];
    return terms.flatMap(({ labelSelector, namespaceSelector }) => [labelSelector, namespaceSelector]);
  });
}

function hasBadValue(selector: LabelSelector | undefined): boolean {
  return (selector?.matchExpressions ?? []).some(({ values = [] }) =>
    values.some((value) => isLabelValue(value).length > 0),
  );
}

function isBadSelector(selector: LabelSelector | undefined): boolean {
  return fails((at) => at.add(validateLabelSelector(selector, at.path('labelSelector'))));
}

function nodeValues({ affinity }: PodSpec): string[] {
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchExpressions = [] }) => matchExpressions.flatMap(({ values = [] }) => values));
}

function tokenPaths({ volumes = [] }: PodSpec): string[] {
  const sources = volumes.flatMap(({ projected }) => projected?.sources ?? []);
  return sources.flatMap(({ serviceAccountToken }) =>
    serviceAccountToken === undefined ? [] : [serviceAccountToken.path],
  );
}
