import assert from 'node:assert/strict';
import type { EndpointSlice, Node, Service } from '#kinds';
import { balancerNode, isOurs, LISTENING_PORTS, planBalancer, rivalOf } from './load-balancer.plan.js';

interface NodeParts {
  name?: string;
  addresses?: [type: string, address: string][];
  labels?: Record<string, string>;
  ready?: string;
  listening?: string;
  taints?: { key: string; effect: string }[];
}

const aNode = ({ name = 'a', addresses = [['InternalIP', '192.0.2.1']], ...more }: NodeParts = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: more.labels, annotations: { [LISTENING_PORTS]: more.listening ?? '' } },
    spec: { taints: more.taints },
    status: {
      addresses: addresses.map(([type, address]) => ({ type, address })),
      conditions: [{ type: 'Ready', status: more.ready ?? 'True' }],
    },
  }) as Node;
const aService = (spec: object = {}, name = 'web', created = '2026-01-01T00:00:00Z') =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'ns', uid: name, creationTimestamp: created },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }], ipFamilies: ['IPv4'], ...spec },
  }) as Service;
const aSlice = (nodeName: string, address: string, port = 8080, ready = true) =>
  ({
    ports: [{ port, protocol: 'TCP' }],
    endpoints: [{ addresses: [address], nodeName, conditions: { ready } }],
  }) as EndpointSlice;

describe('nodes that answer for load balancers', () => {
  const cases: [what: string, NodeParts, string[] | undefined][] = [
    ['a ready one', {}, ['192.0.2.1']],
    ['not one that is not ready', { ready: 'Unknown' }, undefined],
    ['not an excluded one', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }, undefined],
    ['not one that is to go', { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] }, undefined],
    ['not one without address', { addresses: [['Hostname', 'a']] }, undefined],
    [
      'external addresses first',
      {
        addresses: [
          ['InternalIP', '10.0.0.1'],
          ['ExternalIP', '192.0.2.9'],
        ],
      },
      ['192.0.2.9'],
    ],
  ];
  test.each(cases)('%s', (_, parts, expected) => {
    assert.deepEqual(balancerNode(aNode(parts))?.addresses, expected);
  });
});

describe('Services that get addresses', () => {
  const cases: [what: string, object, boolean][] = [
    ['no class', {}, true],
    ['our class', { loadBalancerClass: 'berth.io/servicelb' }, true],
    ['another class', { loadBalancerClass: 'metallb.io/metallb' }, false],
    ['another type', { type: 'NodePort' }, false],
  ];
  test.each(cases)('%s', (_, spec, expected) => {
    assert.equal(isOurs(aService(spec)), expected);
  });
});

describe('addresses of a load balancer', () => {
  const two: NodeParts[] = [
    {
      name: 'b',
      addresses: [
        ['InternalIP', '192.0.2.2'],
        ['InternalIP', '2001:db8::2'],
      ],
    },
    {
      name: 'a',
      addresses: [
        ['InternalIP', '192.0.2.1'],
        ['InternalIP', '2001:db8::1'],
      ],
    },
  ];
  const cases: [what: string, object, NodeParts[], EndpointSlice[], string[], problem?: RegExp][] = [
    ['every node, in order', {}, two, [], ['192.0.2.1', '192.0.2.2']],
    ['the families of the Service', { ipFamilies: ['IPv6'] }, two, [], ['2001:db8::1', '2001:db8::2']],
    ['no node', {}, [], [], [], /no ready node has an address/],
    [
      'only nodes with an endpoint, for Local',
      { externalTrafficPolicy: 'Local' },
      two,
      [aSlice('b', '10.1.0.2')],
      ['192.0.2.2'],
    ],
    [
      'not nodes whose endpoint is not ready',
      { externalTrafficPolicy: 'Local' },
      two,
      [aSlice('b', '10.1.0.2', 80, false)],
      [],
      /Local/,
    ],
    ['the address that is asked for', { loadBalancerIP: '192.0.2.2' }, two, [], ['192.0.2.2']],
    [
      'an address that no node has',
      { loadBalancerIP: '203.0.113.1' },
      two,
      [],
      [],
      /203\.0\.113\.1 of spec\.loadBalancerIP/,
    ],
    ['not nodes that listen at the port', {}, [two[1]!, { ...two[0]!, listening: 'TCP/80' }], [], ['192.0.2.1']],
    ['another protocol of the port', {}, [{ listening: 'UDP/80' }], [], ['192.0.2.1']],
    [
      'a port that every node has',
      {},
      [{ listening: 'TCP/22,TCP/80' }],
      [],
      [],
      /a process of node a listens at port TCP\/80/,
    ],
    [
      'an endpoint in the node’s own network',
      {},
      [{ listening: 'TCP/80' }],
      [aSlice('a', '192.0.2.1', 80)],
      ['192.0.2.1'],
    ],
  ];
  for (const [what, spec, nodes, slices, addresses, problem] of cases)
    test(what, () => {
      const plan = planBalancer(
        aService(spec),
        nodes.flatMap((parts) => balancerNode(aNode(parts)) ?? []),
        slices,
      );
      assert.deepEqual(plan.addresses, addresses);
      assert.match(plan.problem ?? '', problem ?? /^$/);
    });
});

describe('a port of two load balancers', () => {
  const old = aService({}, 'old', '2026-01-01T00:00:00Z');
  const young = aService({}, 'young', '2026-01-02T00:00:00Z');
  const other = aService({ ports: [{ port: 81 }] }, 'other');
  const both = aService({ ports: [{ port: 80 }, { port: 81 }] }, 'both', '2026-01-03T00:00:00Z');
  const last = aService({ ports: [{ port: 81 }] }, 'last', '2026-01-04T00:00:00Z');
  const cases: [what: string, Service, Service[], holders: Service[], rival: string | undefined][] = [
    ['belongs to the older one', young, [young, old], [], 'old'],
    ['is free for the older one', old, [young, old], [], undefined],
    ['stays with the one that has it', old, [young, old], [young], 'young'],
    ['is no matter to others', other, [young, old, other], [], undefined],
    ['is not held by one that waits itself', last, [old, both, last], [], undefined],
  ];
  test.each(cases)('%s', (_, service, all, holders, rival) => {
    const found = rivalOf(service, all, (candidate) => holders.includes(candidate));
    assert.equal(found?.rival.metadata.name, rival);
  });
});
