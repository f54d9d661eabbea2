import { type KubeObject, newUid } from '#apimachinery';
import { nameAndCreation } from '../../../columns/cells.js';
import type { KindModule } from '../../../contract/kind-module.js';
import { fillMissing } from '../../../defaults/setters.js';
import { limitRangeValidator } from './limit-range.validation.js';

export const limitRangeKind: KindModule = {
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  strategy: {
    prepareForCreate({ metadata }: KubeObject) {
      metadata.name ||= newUid();
    },
  },
  validator: limitRangeValidator,
  typeDefaults: {
    'io.k8s.api.core.v1.LimitRangeItem': {
      default: (item) => {
        if (item.type !== 'Container') return;
        item.default ??= {};
        fillMissing(item.default, item.max);
      },
      defaultRequest: (item) => {
        if (item.type !== 'Container') return;
        item.defaultRequest ??= {};
        fillMissing(item.defaultRequest, item.default);
        fillMissing(item.defaultRequest, item.min);
        for (const name of ['default', 'defaultRequest']) {
          if (Object.keys(item[name]).length === 0) delete item[name];
        }
      },
    },
  },
  cells: nameAndCreation,
};
