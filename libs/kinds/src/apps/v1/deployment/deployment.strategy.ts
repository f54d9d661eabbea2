import type { KindStrategy } from '../../../contract/kind-module.js';
import { keepField } from '../../../strategy/metadata.js';

export const deploymentStrategy: KindStrategy = {
  generationOf: ['spec', 'metadata.annotations'],
  prepareForUpdate(deployment, old, { subresource }) {
    if (subresource === 'status') keepField(deployment.metadata, old.metadata, 'labels');
  },
};
