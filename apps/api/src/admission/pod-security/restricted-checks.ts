import {
  type CheckedPod,
  containersOf,
  distinct,
  type Finding,
  named,
  namesWhere,
  plural,
  quoted,
  setters,
} from './pod-check.js';
import { badProfiles, seccompDetail } from './seccomp-profiles.js';

export function allowPrivilegeEscalation(pod: CheckedPod): Finding | undefined {
  const names = namesWhere(pod, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${named('container', names)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

export function capabilitiesRestricted(pod: CheckedPod): Finding | undefined {
  const added = ({ securityContext }: any): string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name: string) => name !== 'NET_BIND_SERVICE');
  const keeping = namesWhere(
    pod,
    ({ securityContext }) => !(securityContext?.capabilities?.drop ?? []).includes('ALL'),
  );
  const adding = namesWhere(pod, (container) => added(container).length > 0);
  const details: string[] = [];
  if (keeping.length > 0) {
    details.push(`${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  }
  if (adding.length > 0) {
    const names = quoted(distinct(containersOf(pod).flatMap(added)));
    details.push(`${named('container', adding)} must not include ${names} in securityContext.capabilities.add`);
  }
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
}

const VOLUMES = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected'],
  'secret',
];
const RESTRICTED_VOLUMES = [
  ...['hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'gitRepo', 'nfs', 'iscsi', 'glusterfs', 'rbd'],
  ...['flexVolume', 'cinder', 'cephfs', 'flocker', 'fc', 'azureFile', 'vsphereVolume', 'quobyte', 'azureDisk'],
  ...['photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos'],
];

export function restrictedVolumes({ spec }: CheckedPod): Finding | undefined {
  const bad = (spec.volumes ?? []).filter((volume: any) => !VOLUMES.some((type) => volume[type] != null));
  if (bad.length === 0) return undefined;
  const typeOf = (volume: any) => RESTRICTED_VOLUMES.find((type) => volume[type] != null) ?? 'unknown';
  const types = distinct(bad.map(typeOf));
  const names: string[] = bad.map(({ name }: any) => name);
  const what = plural('restricted volume type', 'restricted volume types', types.length);
  return {
    reason: 'restricted volume types',
    detail: `${named('volume', names)} ${plural('uses', 'use', names.length)} ${what} ${quoted(types)}`,
  };
}

export function runAsNonRoot(pod: CheckedPod): Finding | undefined {
  const reason = 'runAsNonRoot != true';
  const ofPod = pod.spec.securityContext?.runAsNonRoot;
  const who = setters(
    ofPod === false,
    namesWhere(pod, ({ securityContext }) => securityContext?.runAsNonRoot === false),
  );
  if (who !== undefined) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  if (ofPod === true) return undefined;
  const silent = namesWhere(pod, ({ securityContext }) => securityContext?.runAsNonRoot == null);
  if (silent.length === 0) return undefined;
  return { reason, detail: `pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true` };
}

export function runAsUser(pod: CheckedPod): Finding | undefined {
  const isRoot = (context: any): boolean => context?.runAsUser === 0;
  const names = namesWhere(pod, ({ securityContext }) => isRoot(securityContext));
  const who = setters(isRoot(pod.spec.securityContext), names);
  return who === undefined ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
}

export function seccompProfileRestricted(pod: CheckedPod): Finding | undefined {
  const reason = 'seccompProfile';
  const found = badProfiles(pod, 'seccompProfile');
  const detail = seccompDetail(found);
  if (detail !== undefined) return { reason, detail };
  if (pod.spec.securityContext?.seccompProfile != null) return undefined;
  const silent = namesWhere(pod, ({ securityContext }) => securityContext?.seccompProfile == null);
  if (silent.length === 0) return undefined;
  const wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
  return { reason, detail: `pod or ${named('container', silent)} ${wanted}` };
}
