import { ownValue } from '#apimachinery';
import { age, nameOf } from '../../../columns/cells.js';
import type { Cells, KindModule } from '../../../contract/kind-module.js';
import { resourceQuotaValidator } from './resource-quota.validation.js';

const cells: Cells = (quota, now) => {
  const { hard = {}, used = {} } = quota.status ?? {};
  const names = Object.keys(hard).sort();
  const entry = (name: string): string => `${name}: ${ownValue(used, name) ?? '0'}/${ownValue(hard, name)}`;
  const isLimit = (name: string): boolean => name.startsWith('limits');
  return [
    nameOf(quota),
    names
      .filter((name) => !isLimit(name))
      .map(entry)
      .join(', '),
    names.filter(isLimit).map(entry).join(', '),
    age(quota, now),
  ];
};

export const resourceQuotaKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  validator: resourceQuotaValidator,
  cells,
  deletion: { returnsObject: true },
};
