import type { KindStrategy } from '../../registry/kind-strategy.js';
import { keepField } from '../../registry/metadata.js';

export const deploymentStrategy: KindStrategy = {
  generationOf: ['spec', 'metadata.annotations'],
  prepareForUpdate(deployment, old, { subresource }) {
    if (subresource === 'status') keepField(deployment.metadata, old.metadata, 'labels');
  },
};
