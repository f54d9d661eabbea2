import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { namespaceStrategy } from './namespace.strategy.js';
import { namespaceValidator } from './namespace.validation.js';

export const namespaceKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  strategy: namespaceStrategy,
  validator: namespaceValidator,
  defaults: {
    'metadata.labels[kubernetes.io/metadata.name]': ({ metadata }) => {
      if (!metadata.name) return;
      metadata.labels ??= {};
      metadata.labels['kubernetes.io/metadata.name'] = metadata.name;
    },
  },
  cells: (object, now) => [nameOf(object), object.status?.phase ?? '', age(object, now)],
  deletion: {
    returnsObject: true,
    isHeld: (namespace) => (namespace.spec?.finalizers?.length ?? 0) > 0,
    markFirst: (namespace) => {
      namespace.status = { ...namespace.status, phase: 'Terminating' };
    },
  },
};
