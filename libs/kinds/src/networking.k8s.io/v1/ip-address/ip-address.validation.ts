import { isDNS1123Subdomain, isPathSegmentName } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import type { IPAddress } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';

export const ipAddressValidator: KindValidator = {
  rules: [
    'spec.parentRef is required, with resource and name',
    'parentRef: the group is a DNS name, the others are segments of a path',
    'the name is an IP address in canonical form',
    'immutable: spec.parentRef',
  ],
  validateCreate({ spec }: IPAddress) {
    const at = new FieldCursor('spec');
    const parent = spec?.parentRef;
    if (parent === undefined || parent === null) {
      at.required('parentRef');
      return at.all();
    }
    at.enter('parentRef');
    const { group, resource, name, namespace } = parent;
    if (group) at.format('group', group, isDNS1123Subdomain);
    if (resource) at.format('resource', resource, isPathSegmentName);
    else at.declared(() => at.required('resource'));
    if (name) at.format('name', name, isPathSegmentName);
    else at.declared(() => at.required('name'));
    if (namespace) at.format('namespace', namespace, isPathSegmentName);
    return at.all();
  },
  validateUpdate({ spec }: IPAddress, { spec: old }: IPAddress) {
    const at = new FieldCursor('spec');
    at.declaredImmutable('parentRef', spec?.parentRef, old?.parentRef);
    return at.all();
  },
};
