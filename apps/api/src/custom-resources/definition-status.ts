import { quote } from '#apimachinery';
import {
  type CustomResourceDefinition,
  conditionHolds,
  conditionOf,
  type DefinitionCondition,
  isSameCondition,
  setCondition,
} from '#kinds';

/** Conditions of a definition that follow from itself alone: facts of apiextensions-apiserver's controllers. Pure. */

const APPROVED = 'api-approved.kubernetes.io';

/** Brings the conditions up to date that say what is odd about a definition, in place; false when there is nothing new. */
export function reviewDefinition(crd: CustomResourceDefinition, now: string): boolean {
  const changes = [put(crd, approvalOf(crd), now), putOrRemove(crd, 'NonStructuralSchema', schemaTroubleOf(crd), now)];
  return changes.includes(true);
}

/** Says of a definition whose names are accepted that it is served, in place; false when there is nothing new. */
export function establish(crd: CustomResourceDefinition, now: string): boolean {
  if (!conditionHolds(crd, 'NamesAccepted') || conditionHolds(crd, 'Established')) return false;
  return put(crd, hasBadAuthority(crd) ? BAD_AUTHORITY : ESTABLISHED, now);
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

/** Groups of the Kubernetes community: whoever defines something there says where it was reviewed. */
function approvalOf({ metadata, spec }: CustomResourceDefinition): DefinitionCondition | undefined {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group)) return undefined;
  const text = metadata.annotations?.[APPROVED] ?? '';
  const condition = (status: string, reason: string, message: string) => {
    return { type: 'KubernetesAPIApprovalPolicyConformant', status, reason, message };
  };
  const needed = `protected groups must have approval annotation ${quote(APPROVED)}`;
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  if (text === '') return condition('False', 'MissingAnnotation', `${needed}, ${see}`);
  if (text.startsWith('unapproved')) return condition('False', 'UnapprovedAnnotation', `not approved: ${quote(text)}`);
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#\s]+\S*$/.test(text)) {
    return condition('True', 'ApprovedAnnotation', `approved in ${text}`);
  }
  const how = 'with either a URL or a reason starting with "unapproved"';
  return condition('False', 'InvalidAnnotation', `${needed} ${how}, ${see}`);
}

/** Everything else about a schema is checked before a definition is stored. */
function schemaTroubleOf({ spec }: CustomResourceDefinition): DefinitionCondition | undefined {
  if (!spec.preserveUnknownFields) return undefined;
  const message = 'spec.preserveUnknownFields: Invalid value: true: must be false';
  return { type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message };
}

function put(crd: CustomResourceDefinition, condition: DefinitionCondition | undefined, now: string): boolean {
  if (condition === undefined || isSameCondition(condition, conditionOf(crd, condition.type))) return false;
  setCondition(crd, condition, now);
  return true;
}

function putOrRemove(
  crd: CustomResourceDefinition,
  type: string,
  condition: DefinitionCondition | undefined,
  now: string,
): boolean {
  if (condition !== undefined) return put(crd, condition, now);
  if (conditionOf(crd, type) === undefined) return false;
  crd.status!.conditions = crd.status!.conditions!.filter((other) => other.type !== type);
  return true;
}
