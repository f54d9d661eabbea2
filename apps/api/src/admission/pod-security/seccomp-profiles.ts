import { type CheckedPod, containersOf, distinct, namesWhere, quoted, setters } from './pod-check.js';

/** Who sets profiles that are not allowed, and which. */
export interface BadProfiles {
  byPod: boolean;
  containers: string[];
  values: string[];
}

export function badProfiles(pod: CheckedPod, field: 'seccompProfile' | 'appArmorProfile'): BadProfiles {
  const isSetBadly = (context: any): boolean => context?.[field] != null && isBadProfile(context[field].type);
  const contexts = [pod.spec.securityContext, ...containersOf(pod).map(({ securityContext }) => securityContext)];
  return {
    byPod: isSetBadly(pod.spec.securityContext),
    containers: namesWhere(pod, ({ securityContext }) => isSetBadly(securityContext)),
    values: distinct(contexts.filter(isSetBadly).map((context) => context[field].type ?? '')),
  };
}

function isBadProfile(type: string | undefined): boolean {
  return type !== 'RuntimeDefault' && type !== 'Localhost';
}

export function seccompDetail({ byPod, containers, values }: BadProfiles): string | undefined {
  const who = setters(byPod, containers);
  return who && `${who} must not set securityContext.seccompProfile.type to ${quoted(values)}`;
}
