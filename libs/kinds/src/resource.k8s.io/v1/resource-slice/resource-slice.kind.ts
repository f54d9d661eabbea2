import { age, nameOf } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { timeText } from '../../../strategy/metadata.js';
import { resourceSliceValidator } from './resource-slice.validation.js';

export const resourceSliceKind: KindModule = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  validator: resourceSliceValidator,
  typeDefaults: {
    'io.k8s.api.resource.v1.DeviceTaint': {
      timeAdded: (taint) => {
        taint.timeAdded ??= timeText(new Date());
      },
    },
  },
  cells: (slice, now) => [
    nameOf(slice),
    slice.spec.nodeName ?? '',
    slice.spec.driver,
    slice.spec.pool?.name ?? '',
    age(slice, now),
  ],
  deletion: { returnsObject: true },
};
