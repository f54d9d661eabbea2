import { describeRules } from '../../../testing/rule-table.js';
import { serviceCidrValidator } from './service-cidr.validation.js';

const oneOfAFamily = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';

describeRules({
  path: 'networking.k8s.io/v1/servicecidrs',
  validator: serviceCidrValidator,
  valid: { spec: { cidrs: ['10.96.0.0/16'] } },
  rows: {
    'one or two CIDRs in canonical form': [
      { create: ({ spec }) => (spec.cidrs = []), errors: ['spec.cidrs: Required value: at least one CIDR required'] },
      {
        create: ({ spec }) => (spec.cidrs = ['10.0.0.0/8', 'fd00::/64', 'fd01::/64']),
        errors: [
          'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/8","fd00::/64","fd01::/64"]}: may only hold up to 2 values',
        ],
      },
      {
        create: ({ spec }) => (spec.cidrs = ['FD00::/64', '10.0.0.1/8']),
        errors: [
          'spec.cidrs[0]: Invalid value: "FD00::/64": must be in canonical form ("fd00::/64")',
          'spec.cidrs[1]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
        ],
      },
      { create: ({ spec }) => spec.cidrs.push('fd00::/112'), errors: [] },
    ],
    'at most one CIDR of a family': [
      {
        create: ({ spec }) => (spec.cidrs = ['10.96.0.0/16', '10.97.0.0/16']),
        errors: [`spec.cidrs: Invalid value: ["10.96.0.0/16","10.97.0.0/16"]: ${oneOfAFamily}`],
      },
    ],
    'immutable: spec.cidrs, but one of the other family may be added': [
      {
        update: ({ spec }) => (spec.cidrs = ['10.97.0.0/16']),
        errors: ['spec.cidrs[0]: Invalid value: "10.97.0.0/16": field is immutable'],
      },
      { update: ({ spec }) => spec.cidrs.push('fd00::/112'), errors: [] },
      {
        update: ({ spec }) => (spec.cidrs = ['10.97.0.0/16', '10.96.0.0/16']),
        errors: [
          'spec.cidrs[0]: Invalid value: "10.97.0.0/16": field is immutable',
          `spec.cidrs: Invalid value: ["10.97.0.0/16","10.96.0.0/16"]: ${oneOfAFamily}`,
        ],
      },
      {
        from: ({ spec }) => spec.cidrs.push('fd00::/112'),
        update: ({ spec }) => spec.cidrs.pop(),
        errors: ['spec.cidrs: Invalid value: ["10.96.0.0/16"]: field is immutable'],
      },
    ],
  },
});
