import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { runtimeClassValidator } from './runtime-class.validation.js';

export const runtimeClassKind: KindModule = {
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  validator: runtimeClassValidator,
  cells: (object, now) => [nameOf(object), object.handler, age(object, now)],
};
