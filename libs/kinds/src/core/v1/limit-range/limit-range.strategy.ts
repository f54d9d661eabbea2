import { type KubeObject, newUid } from '#apimachinery';
import type { KindStrategy } from '../../../contract/kind-module.js';

export const limitRangeStrategy: KindStrategy = {
  prepareForCreate({ metadata }: KubeObject) {
    metadata.name ||= newUid();
  },
};
