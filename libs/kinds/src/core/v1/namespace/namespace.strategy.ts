import type { KindStrategy } from '../../../contract/kind-module.js';
import type { Namespace } from '../../../generated/types.js';
import { keepField } from '../../../strategy/metadata.js';

export const namespaceStrategy: KindStrategy = {
  prepareForCreate(namespace: Namespace) {
    namespace.status = { phase: 'Active' };
    const finalizers = namespace.spec.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) namespace.spec.finalizers = [...finalizers, 'kubernetes'];
    // A generated name was not known when defaults were filled in.
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name ?? '',
    };
  },
  prepareForUpdate(namespace: Namespace, old: Namespace, context) {
    if (context.subresource !== 'status') keepField(namespace.spec, old.spec, 'finalizers');
  },
  subresources: {
    finalize(namespace: Namespace, old: Namespace) {
      keepField(namespace, old, 'status');
    },
  },
};
