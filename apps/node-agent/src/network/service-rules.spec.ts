import assert from 'node:assert/strict';
import type { Endpoint, EndpointSlice, Service } from '#kinds';
import { serviceRules } from './service-rules.js';

const HERE = { nodeName: 'here', zone: 'near' };

const service = (spec: Service['spec'] = {}, labels?: Record<string, string>): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'web', ...(labels ? { labels } : {}) },
  spec: {
    clusterIP: '10.96.0.20',
    clusterIPs: ['10.96.0.20'],
    ports: [{ port: 80, protocol: 'TCP', name: 'http' }],
    ...spec,
  },
});

const slice = (endpoints: Endpoint[], name = 'web-1'): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints,
});

const ready = (ip: string, nodeName = 'here'): Endpoint => ({
  addresses: [ip],
  nodeName,
  conditions: { ready: true, serving: true, terminating: false },
});
const draining = (ip: string, nodeName = 'here'): Endpoint => ({
  addresses: [ip],
  nodeName,
  conditions: { ready: false, serving: true, terminating: true },
});
const starting = (ip: string): Endpoint => ({
  addresses: [ip],
  conditions: { ready: false, serving: false, terminating: false },
});

const endpointsOf = (...slices: EndpointSlice[]) =>
  serviceRules(service(), slices, HERE, ['IPv4'])[0]!.ports[0]!.endpoints.map(({ ip, local, localOnly }) => [
    ip,
    local,
    localOnly,
  ]);

test('ready endpoints get traffic, with where they are', () => {
  assert.deepEqual(endpointsOf(slice([ready('10.0.0.2', 'there'), ready('10.0.0.1'), starting('10.0.0.3')])), [
    ['10.0.0.1', true, false],
    ['10.0.0.2', false, false],
  ]);
});

test('draining endpoints serve when there is no other', () => {
  assert.deepEqual(endpointsOf(slice([draining('10.0.0.1')])), [['10.0.0.1', true, false]]);
});

test('a draining endpoint of this node keeps what must stay here', () => {
  assert.deepEqual(endpointsOf(slice([ready('10.0.0.2', 'there'), draining('10.0.0.1')])), [
    ['10.0.0.1', true, true],
    ['10.0.0.2', false, false],
  ]);
});

test('an endpoint in two slices counts once', () => {
  assert.equal(endpointsOf(slice([ready('10.0.0.1')]), slice([ready('10.0.0.1')], 'web-2')).length, 1);
});

const nothing: [what: string, service: Service][] = [
  ['headless', service({ clusterIP: 'None', clusterIPs: ['None'] })],
  ['ExternalName', service({ type: 'ExternalName', clusterIP: undefined, clusterIPs: undefined })],
  ['without an address yet', service({ clusterIP: '', clusterIPs: [] })],
  ['of another proxy', service({}, { 'service.kubernetes.io/service-proxy-name': 'other' })],
];
for (const [what, subject] of nothing) {
  test(`a Service ${what} asks nothing of the kernel`, () =>
    assert.deepEqual(serviceRules(subject, [], HERE, ['IPv4', 'IPv6']), []));
}

test('policies, affinity and outer addresses go along', () => {
  const rules = serviceRules(
    service({
      externalTrafficPolicy: 'Local',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'ClientIP',
      externalIPs: ['192.0.2.7', 'fd00::7'],
      loadBalancerSourceRanges: [' 203.0.113.0/24 '],
      ports: [{ port: 80, nodePort: 30080 }],
    }),
    [],
    HERE,
    ['IPv4'],
  )[0]!;
  assert.equal(rules.externalTrafficLocal, true);
  assert.equal(rules.internalTrafficLocal, false);
  assert.equal(rules.affinitySeconds, 10800);
  assert.deepEqual(rules.externalIps, ['192.0.2.7']);
  assert.deepEqual(rules.loadBalancerSourceRanges, ['203.0.113.0/24']);
  assert.deepEqual(rules.ports, [{ name: '', protocol: 'TCP', port: 80, nodePort: 30080, endpoints: [] }]);
});

test('a dual-stack Service has rules of its own for each family that the node carries', () => {
  const dual = service({ clusterIPs: ['10.96.0.20', 'fd00::20'], externalIPs: ['192.0.2.7', 'fd00::7'] });
  const six: EndpointSlice = { ...slice([ready('fd00:10::1')], 'web-6'), addressType: 'IPv6' };
  const slices = [slice([ready('10.0.0.1')]), six];
  const shown = serviceRules(dual, slices, HERE, ['IPv4', 'IPv6']).map((rules) => [
    rules.family,
    rules.clusterIp,
    rules.externalIps,
    rules.ports[0]!.endpoints.map(({ ip }) => ip),
  ]);
  assert.deepEqual(shown, [
    ['IPv4', '10.96.0.20', ['192.0.2.7'], ['10.0.0.1']],
    ['IPv6', 'fd00::20', ['fd00::7'], ['fd00:10::1']],
  ]);
  assert.equal(serviceRules(dual, slices, HERE, ['IPv4']).length, 1);
});

test('UDP flows stay with endpoints that drain', () => {
  const udp = service({ ports: [{ name: 'http', port: 80, protocol: 'UDP' }] });
  const slices: EndpointSlice[] = [
    { ...slice([ready('10.0.0.1'), draining('10.0.0.2')]), ports: [{ name: 'http', port: 53, protocol: 'UDP' }] },
  ];
  const [port] = serviceRules(udp, slices, HERE, ['IPv4'])[0]!.ports;
  assert.deepEqual(
    [port!.endpoints.map(({ ip }) => ip), port!.draining?.map(({ ip }) => ip)],
    [['10.0.0.1'], ['10.0.0.2']],
  );
});
