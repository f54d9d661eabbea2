import { semanticEqual } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { isExtendedResource } from '../../../core/v1/resource-names.js';
import type { DeviceClass, DeviceClassSpec } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { checkConfiguration, checkSelectors, eachUpTo, MAX_ITEMS } from '../device-claim.validation.js';

export const deviceClassValidator: KindValidator = {
  rules: [
    'selectors: at most 32, with an expression of at most 10240 bytes',
    'config: at most 32, with a driver and parameters that are a JSON object of at most 10240 bytes',
    'extendedResourceName is the name of an extended resource',
    { rule: 'expressions compile', enforcedBy: 'nothing yet: CEL is not compiled' },
  ],
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
