import { goValue } from '#apimachinery';
import { age, nameOf, unset } from '../../columns/cells.js';
import type { Cells } from '../../contract/kind-module.js';

export const policyCells =
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

export const policyBindingCells: Cells = (object, now) => {
  const { paramRef, policyName } = object.spec ?? {};
  let reference = unset;
  if (paramRef?.selector !== undefined) reference = goValue(paramRef.selector);
  else if (paramRef !== undefined) reference = `${paramRef.namespace || '*'}/${paramRef.name ?? ''}`;
  return [nameOf(object), policyName ?? '', reference, age(object, now)];
};

export const webhookCells: Cells = (object, now) => [nameOf(object), (object.webhooks ?? []).length, age(object, now)];
