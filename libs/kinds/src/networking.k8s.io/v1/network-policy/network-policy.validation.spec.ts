import { describeRules } from '../../../testing/rule-table.js';
import { words } from '../../../testing/spec-support.js';
import { networkPolicyValidator } from './network-policy.validation.js';

const cidrForm = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

describeRules({
  path: 'networking.k8s.io/v1/networkpolicies',
  validator: networkPolicyValidator,
  valid: {
    spec: {
      podSelector: { matchLabels: { a: 'b' } },
      ingress: [
        {
          ports: [{ protocol: 'TCP', port: 80, endPort: 90 }, { port: 'http' }],
          from: [
            { podSelector: {}, namespaceSelector: { matchLabels: { c: 'd' } } },
            { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
          ],
        },
      ],
      egress: [{ to: [{ ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } }] }],
      policyTypes: ['Ingress', 'Egress'],
    },
  },
  rows: {
    'selectors are well-formed; an update keeps label values that an older release accepted': [
      {
        create: ({ spec }) => (spec.podSelector = { matchExpressions: [{ key: 'a', operator: 'Is' }] }),
        errors: ['spec.podSelector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator'],
      },
      {
        create: ({ spec }) => (spec.ingress[0].from[0].namespaceSelector.matchLabels.c = '-'),
        errors: [`spec.ingress[0].from[0].namespaceSelector.matchLabels: Invalid value: "-": ${words.labelValue}`],
      },
      {
        stored: ({ spec }) => (spec.podSelector = { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] }),
        update: ({ spec }) => (spec.egress = []),
        errors: [],
      },
    ],
    'protocol is one of TCP, UDP, SCTP': [
      {
        create: ({ spec }) => (spec.ingress[0].ports[0].protocol = 'ICMP'),
        errors: [
          'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
        ],
      },
    ],
    'port is 1 to 65535 or a port name': [
      {
        create: ({ spec }) => (spec.ingress[0].ports = [{ port: 0 }, { port: 'a--b' }]),
        errors: [
          'spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
          'spec.ingress[0].ports[1].port: Invalid value: "a--b": must not contain consecutive hyphens',
        ],
      },
    ],
    'endPort needs a numeric port and must not be below it': [
      {
        create: ({ spec }) =>
          (spec.egress[0].ports = [{ endPort: 5 }, { port: 'http', endPort: 5 }, { port: 80, endPort: 0 }]),
        errors: [
          'spec.egress[0].ports[0].endPort: Invalid value: 5: may not be specified when `port` is not specified',
          'spec.egress[0].ports[1].endPort: Invalid value: 5: may not be specified when `port` is non-numeric',
          'spec.egress[0].ports[2].endPort: Invalid value: 0: must be greater than or equal to `port`',
          'spec.egress[0].ports[2].endPort: Invalid value: 0: must be between 1 and 65535, inclusive',
        ],
      },
    ],
    'a peer is a selector or an ipBlock, not both': [
      {
        create: ({ spec }) => (spec.ingress[0].from = [{}, { podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }]),
        errors: [
          'spec.ingress[0].from[0]: Required value: must specify a peer',
          'spec.ingress[0].from[1]: Forbidden: may not specify both ipBlock and another peer',
        ],
      },
    ],
    'ipBlock needs a CIDR; an update keeps CIDRs that an older release accepted': [
      {
        create: ({ spec }) => (spec.ingress[0].from = [{ ipBlock: {} }, { ipBlock: { cidr: '10.0.0.0' } }, {}]),
        errors: [
          `spec.ingress[0].from[1].ipBlock.cidr: Invalid value: "10.0.0.0": ${cidrForm}`,
          'spec.ingress[0].from[2]: Required value: must specify a peer',
          'spec.ingress[0].from[0].ipBlock.cidr: Required value',
        ],
      },
      {
        create: ({ spec }) => (spec.egress[0].to[0].ipBlock = { cidr: '010.0.0.0/8' }),
        errors: [
          'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length',
        ],
      },
      {
        stored: ({ spec }) => (spec.egress[0].to[0].ipBlock = { cidr: '010.0.0.0/8', except: ['10.1.2.3/16'] }),
        update: ({ spec }) => spec.ingress[0].from.push(spec.egress[0].to[0]),
        errors: [],
      },
    ],
    'except is a strict subset of cidr': [
      {
        create: ({ spec }) => (spec.ingress[0].from[1].ipBlock.except = ['11.0.0.0/16', '10.0.0.0/8', 'x']),
        errors: [
          'spec.ingress[0].from[1].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
          'spec.ingress[0].from[1].ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
          `spec.ingress[0].from[1].ipBlock.except[2]: Invalid value: "x": ${cidrForm}`,
        ],
      },
    ],
    'policyTypes are Ingress, Egress, at most two': [
      {
        create: ({ spec }) => (spec.policyTypes = ['Up']),
        errors: ['spec.policyTypes[0]: Unsupported value: "Up": supported values: "Ingress", "Egress"'],
      },
      {
        create: ({ spec }) => (spec.policyTypes = ['Up', 'Ingress', 'Egress']),
        errors: [
          'spec.policyTypes: Invalid value: ["Up","Ingress","Egress"]: may not specify more than two policyTypes',
        ],
      },
    ],
  },
});
