import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';

export const runtimeClassKind: KindModule = {
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  cells: (object, now) => [nameOf(object), object.handler, age(object, now)],
};
