import { type KubeObject, newUid } from '#apimachinery';
import type { KindStrategy } from '../../registry/kind-strategy.js';

export const limitRangeStrategy: KindStrategy = {
  prepareForCreate({ metadata }: KubeObject) {
    metadata.name ||= newUid();
  },
};
