import { quote } from '#apimachinery';
import {
  APPROVAL_FORM,
  APPROVAL_NEEDED,
  APPROVED,
  approvalOf,
  type CustomResourceDefinition,
  conditionHolds,
  conditionOf,
  type DefinitionCondition,
  isProtectedGroup,
  putCondition,
  SEE_APPROVAL,
} from '#kinds';

/** Conditions of a definition that follow from itself alone: facts of apiextensions-apiserver's controllers. Pure. */

/** Brings the conditions up to date that say what is odd about a definition, in place; false when there is nothing new. */
export function reviewDefinition(crd: CustomResourceDefinition, now: string): boolean {
  const changes = [
    put(crd, approvalConditionOf(crd), now),
    putOrRemove(crd, 'NonStructuralSchema', schemaTroubleOf(crd), now),
  ];
  return changes.includes(true);
}

/** Says of a definition whose names are accepted that it is served, in place; false when there is nothing new. */
export function establish(crd: CustomResourceDefinition, now: string): boolean {
  if (!conditionHolds(crd, 'NamesAccepted') || conditionHolds(crd, 'Established')) return false;
  return putCondition(crd, hasBadAuthority(crd) ? BAD_AUTHORITY : ESTABLISHED, now);
}

const ESTABLISHED: DefinitionCondition = {
  type: 'Established',
  status: 'True',
  reason: 'InitialNamesAccepted',
  message: 'the initial names have been accepted',
};

const BAD_AUTHORITY: DefinitionCondition = {
  type: 'Established',
  status: 'False',
  reason: 'InvalidCABundle',
  message: 'The conversion webhook CABundle is invalid',
};

function hasBadAuthority({ spec }: CustomResourceDefinition): boolean {
  const bundle = Buffer.from(spec.conversion?.webhook?.clientConfig?.caBundle ?? '', 'base64')
    .toString('latin1')
    .trim();
  if (bundle === '') return false;
  const begin = bundle.indexOf('-----BEGIN CERTIFICATE-----');
  return begin < 0 || bundle.lastIndexOf('-----END CERTIFICATE-----') < begin;
}

function approvalConditionOf({ metadata, spec }: CustomResourceDefinition): DefinitionCondition | undefined {
  if (!isProtectedGroup(spec.group)) return undefined;
  const text = metadata.annotations?.[APPROVED] ?? '';
  const condition = (status: string, reason: string, message: string) => {
    return { type: 'KubernetesAPIApprovalPolicyConformant', status, reason, message };
  };
  switch (approvalOf(metadata)) {
    case 'missing':
      return condition('False', 'MissingAnnotation', `${APPROVAL_NEEDED}, ${SEE_APPROVAL}`);
    case 'bypassed':
      return condition('False', 'UnapprovedAnnotation', `not approved: ${quote(text)}`);
    case 'approved':
      return condition('True', 'ApprovedAnnotation', `approved in ${text}`);
    case 'invalid':
      return condition('False', 'InvalidAnnotation', `${APPROVAL_NEEDED} ${APPROVAL_FORM}, ${SEE_APPROVAL}`);
  }
}

/** Everything else about a schema is checked before a definition is stored. */
function schemaTroubleOf({ spec }: CustomResourceDefinition): DefinitionCondition | undefined {
  if (!spec.preserveUnknownFields) return undefined;
  const message = 'spec.preserveUnknownFields: Invalid value: true: must be false';
  return { type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message };
}

function put(crd: CustomResourceDefinition, condition: DefinitionCondition | undefined, now: string): boolean {
  return condition !== undefined && putCondition(crd, condition, now);
}

function putOrRemove(
  crd: CustomResourceDefinition,
  type: string,
  condition: DefinitionCondition | undefined,
  now: string,
): boolean {
  if (condition !== undefined) return putCondition(crd, condition, now);
  if (conditionOf(crd, type) === undefined) return false;
  crd.status!.conditions = crd.status!.conditions!.filter((other) => other.type !== type);
  return true;
}
