import assert from 'node:assert/strict';
import { createErrors, updated } from '../../../testing/spec-support.js';

const service = (spec: object, annotations?: Record<string, string>) => ({
  metadata: { annotations },
  spec: { ports: [{ port: 80 }], clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ...spec },
});
const ports = (...list: object[]) => service({ ports: list });
const balancer = (spec: object = {}) => ({ type: 'LoadBalancer', ...spec });
const hints = 'service.kubernetes.io/topology-aware-hints';
const mode = 'service.kubernetes.io/topology-mode';
const sourceRanges = 'service.beta.kubernetes.io/load-balancer-source-ranges';

const creates: [what: string, body: any, errors: string[]][] = [
  ['a plain one', service({}), []],
  ['a node port', service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }), []],
  ['the same port over two protocols', ports({ name: 'a', port: 53 }, { name: 'b', port: 53, protocol: 'UDP' }), []],
  ['a headless one without ports', service({ ports: [], clusterIP: 'None', clusterIPs: ['None'] }), []],
  ['no port', service({ ports: [] }), ['spec.ports: Required value']],
  [
    'a protocol that is none',
    ports({ port: 80, protocol: 'ICMP' }),
    ['spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
  ],
  [
    'a target port by a bad name',
    ports({ port: 80, targetPort: 'Bad_Name' }),
    [
      'spec.ports[0].targetPort: Invalid value: "Bad_Name": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
  ],
  [
    'an application protocol that is no name',
    ports({ port: 80, appProtocol: 'a b' }),
    [
      "spec.ports[0].appProtocol: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  ],
  [
    'a node port twice',
    service({
      type: 'NodePort',
      ports: [
        { name: 'a', port: 1, nodePort: 30001 },
        { name: 'b', port: 2, nodePort: 30001 },
      ],
    }),
    ['spec.ports[1].nodePort: Duplicate value: 30001'],
  ],
  [
    'a headless node port',
    service({ type: 'NodePort', clusterIP: 'None', clusterIPs: ['None'] }),
    ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
  ],
  [
    'an affinity that is none',
    service({ sessionAffinity: 'Cookie' }),
    ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
  ],
  [
    'a time of affinity beyond a day',
    service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } }),
    [
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
    ],
  ],
  [
    'a time of affinity without affinity',
    service({ sessionAffinity: 'None', sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }),
    // Defaulting drops it.
    [],
  ],
  [
    'an external name with addresses',
    service({ type: 'ExternalName', externalName: 'Not Good' }),
    [
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
      "spec.externalName: Invalid value: \"Not Good\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [
    'cluster addresses that disagree',
    service({ clusterIP: '10.96.0.8' }),
    ['spec.clusterIPs: Invalid value: ["10.96.0.9"]: first value must match `clusterIP`'],
  ],
  [
    'an outer traffic policy inside',
    service({ externalTrafficPolicy: 'Local' }),
    ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
  ],
  [
    'a traffic policy that is none',
    service({ type: 'NodePort', externalTrafficPolicy: 'Some', internalTrafficPolicy: 'Any' }),
    [
      'spec.externalTrafficPolicy: Unsupported value: "Some": supported values: "Cluster", "Local"',
      'spec.internalTrafficPolicy: Unsupported value: "Any": supported values: "Cluster", "Local"',
    ],
  ],
  [
    'a distribution that is none',
    service({ trafficDistribution: 'Evenly' }),
    [
      'spec.trafficDistribution: Unsupported value: "Evenly": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
  ],
  [
    'source ranges that are none',
    service(balancer({ loadBalancerSourceRanges: ['10.0.0.0/8', '10.1.2.3/8', ' 0.0.0.0/0 ', 'x'] })),
    [
      'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.1.2.3/8": must not have bits set beyond the prefix length',
      'spec.LoadBalancerSourceRanges[3]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
  [
    'fields of a load balancer without one',
    service({
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      allocateLoadBalancerNodePorts: true,
      loadBalancerClass: 'a/b',
    }),
    [
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
  ],
  [
    'source ranges as an annotation',
    service({}, { [sourceRanges]: '10.0.0.0/8, x' }),
    [
      `metadata.annotations[${sourceRanges}]: Forbidden: may only be used when \`type\` is 'LoadBalancer'`,
      `metadata.annotations[${sourceRanges}]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
    ],
  ],
  [
    'annotations of topology that disagree',
    service({}, { [hints]: 'Auto', [mode]: 'Disabled' }),
    [
      `metadata.annotations[${mode}]: Invalid value: "Disabled": must match annotations[${hints}] when both are specified`,
    ],
  ],
];

describe('creates of Services', () => {
  for (const [what, body, errors] of creates) {
    it(`with ${what}`, () => assert.deepEqual(createErrors('v1/services', body), errors));
  }
});

const changes: [what: string, body: any, change: (service: any) => void, errors: string[]][] = [
  ['of ports', service({}), ({ spec }) => (spec.ports[0].port = 81), []],
  [
    'of the class of a load balancer',
    service(balancer({ loadBalancerClass: 'a/b' })),
    ({ spec }) => (spec.loadBalancerClass = 'a/c'),
    ['spec.loadBalancerClass: Invalid value: "a/c": may not change once set'],
  ],
  [
    'to a bad annotation that was there before',
    service(balancer(), { [sourceRanges]: 'x' }),
    ({ spec }) => (spec.ports[0].port = 81),
    [],
  ],
];

describe('updates of Services', () => {
  for (const [what, body, change, errors] of changes) {
    it(what, () => assert.deepEqual(updated('v1/services', body, change).errors, errors));
  }
});
