import { goValue } from '#apimachinery';
import { age, type Cells, nameOf, unset } from '../../columns/cells.js';

const policy =
  (list: 'validations' | 'mutations'): Cells =>
  (object, now) => {
    const { paramKind } = object.spec ?? {};
    return [
      nameOf(object),
      (object.spec?.[list] ?? []).length,
      paramKind === undefined ? unset : `${paramKind.apiVersion}/${paramKind.kind}`,
      age(object, now),
    ];
  };

const policyBinding: Cells = (object, now) => {
  const { paramRef, policyName } = object.spec ?? {};
  let reference = unset;
  if (paramRef?.selector !== undefined) reference = goValue(paramRef.selector);
  else if (paramRef !== undefined) reference = `${paramRef.namespace || '*'}/${paramRef.name ?? ''}`;
  return [nameOf(object), policyName ?? '', reference, age(object, now)];
};

const webhooks: Cells = (object, now) => [nameOf(object), (object.webhooks ?? []).length, age(object, now)];

export const admissionregistrationCells: Readonly<Record<string, Cells>> = {
  MutatingAdmissionPolicy: policy('mutations'),
  MutatingAdmissionPolicyBinding: policyBinding,
  MutatingWebhookConfiguration: webhooks,
  ValidatingAdmissionPolicy: policy('validations'),
  ValidatingAdmissionPolicyBinding: policyBinding,
  ValidatingWebhookConfiguration: webhooks,
};
