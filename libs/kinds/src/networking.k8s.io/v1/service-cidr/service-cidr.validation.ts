import type { KindValidator } from '../../../contract/kind-module.js';
import type { ServiceCIDR } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { sloppyCidr, validateCanonicalCidr } from '../../../validation/ip.js';

const IMMUTABLE = 'field is immutable';

export const serviceCidrValidator: KindValidator = {
  rules: [
    'one or two CIDRs in canonical form',
    'at most one CIDR of a family',
    'immutable: spec.cidrs, but one of the other family may be added',
  ],
  validateCreate({ spec }: ServiceCIDR) {
    const at = new FieldCursor('spec');
    checkCidrs(at, spec?.cidrs ?? []);
    return at.all();
  },
  validateUpdate({ spec }: ServiceCIDR, { spec: old }: ServiceCIDR, { subresource }) {
    const at = new FieldCursor('spec');
    if (subresource === 'status') return [];
    const [before, after] = [old?.cidrs ?? [], spec?.cidrs ?? []];
    const isExtended = before.length === 1 && after.length === 2;
    if (before.length !== after.length && !isExtended) at.invalid('cidrs', spec?.cidrs, IMMUTABLE);
    else {
      before.forEach((cidr, i) => {
        if (after[i] !== cidr) at.invalid(`cidrs[${i}]`, after[i], IMMUTABLE);
      });
      if (isExtended) checkCidrs(at, after);
    }
    return at.all();
  },
};

function checkCidrs(at: FieldCursor, cidrs: readonly string[]): void {
  if (cidrs.length === 0) {
    at.required('cidrs', 'at least one CIDR required');
    return;
  }
  if (cidrs.length > 2) {
    at.invalid('cidrs', new Map([['CIDRs', cidrs]]), 'may only hold up to 2 values');
    return;
  }
  at.each('cidrs', cidrs, (cidr) => at.add(validateCanonicalCidr(at.path(), cidr)));
  const [first, second] = cidrs.map((cidr) => sloppyCidr(cidr)?.network.family);
  if (first !== undefined && first === second) {
    const text = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    at.invalid('cidrs', cidrs, text);
  }
}
