import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { nothing } from '../../../defaults/setters.js';
import { configMapValidator } from './config-map.validation.js';

export const configMapKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  validator: configMapValidator,
  defaults: { data: nothing },
  cells: (map, now) => [
    nameOf(map),
    Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
    age(map, now),
  ],
};
