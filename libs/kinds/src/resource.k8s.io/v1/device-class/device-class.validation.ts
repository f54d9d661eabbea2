import { semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { isExtendedResource } from '../../../core/v1/resource-names.js';
import type { DeviceClass, DeviceClassSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkConfiguration, MAX_ITEMS } from '../device-claim.validation.js';
import { checkSelectors, judgeSelectors, selectorRules } from '../device-selectors.validation.js';
import { eachUpTo } from '../limited-lists.validation.js';

export const deviceClassValidator: KindValidator = {
  rules: [
    ...selectorRules,
    'config: at most 32, with a driver and parameters that are a JSON object of at most 10240 bytes',
    'extendedResourceName is the name of an extended resource',
  ],
  *ahead({ spec }: DeviceClass, old: DeviceClass | undefined) {
    if (old === undefined || !semanticEqual(spec.selectors, old.spec.selectors)) yield* judgeSelectors(spec.selectors);
  },
  validateCreate: ({ spec }: DeviceClass) => check(spec, undefined),
  validateUpdate: ({ spec }: DeviceClass, old: DeviceClass) => check(spec, old.spec),
};

function check({ selectors, config, extendedResourceName: name }: DeviceClassSpec, old: DeviceClassSpec | undefined) {
  const at = new FieldCursor('spec');
  checkSelectors(at, selectors, old !== undefined && semanticEqual(selectors, old.selectors));
  const isKnown = old !== undefined && semanticEqual(config, old.config);
  eachUpTo(at, 'config', config, MAX_ITEMS, ({ opaque }) => checkConfiguration(at, opaque, isKnown));
  if (name !== undefined && !isExtendedResource(name)) {
    at.declared(() => at.invalid('extendedResourceName', name, 'must be a valid extended resource name'));
  }
  return at.all();
}
