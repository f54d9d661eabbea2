import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { secretStrategy } from './secret.strategy.js';
import { secretValidator } from './secret.validation.js';

export const secretKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  strategy: secretStrategy,
  validator: secretValidator,
  cells: (object, now) => [nameOf(object), object.type ?? '', Object.keys(object.data ?? {}).length, age(object, now)],
};
