import { type ObjectMeta, quote } from '#apimachinery';

/** Groups of the Kubernetes community: whoever defines something there says where it was reviewed. Facts of apiextensions-apiserver. */

export const APPROVED = 'api-approved.kubernetes.io';
export const APPROVAL_NEEDED = `protected groups must have approval annotation ${quote(APPROVED)}`;
export const APPROVAL_FORM = 'with either a URL or a reason starting with "unapproved"';
export const SEE_APPROVAL = 'see https://github.com/kubernetes/enhancements/pull/1111';

export type Approval = 'missing' | 'bypassed' | 'approved' | 'invalid';

export function isProtectedGroup(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group);
}

export function approvalOf({ annotations }: ObjectMeta): Approval {
  const text = annotations?.[APPROVED] ?? '';
  if (text === '') return 'missing';
  if (text.startsWith('unapproved')) return 'bypassed';
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\s]+\S*$/.test(text) ? 'approved' : 'invalid';
}
