import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Endpoint, EndpointSlice } from '#kinds';
import { buildNode, buildPod, buildService } from '#testing';
import { subsetsFor, truncate } from '../core/endpoints.js';
import { dnsGroups } from './cluster-dns.reconciler.js';
import { mirroredGroups, shouldMirror } from './endpoint-slice-mirroring.reconciler.js';
import { addressTypesOf, endpointFor, slicePorts, targetPort } from './service-endpoints.js';
import { planSlices, type SlicePlan } from './slice-plan.js';

const PORTS = [{ name: 'http', port: 8080, protocol: 'TCP' as const }];
const service = buildService();
const identity = { owner: service, addressType: 'IPv4' as const, labels: { a: 'b' }, placeholder: true };
const endpoint = (n: number, ready = true): Endpoint => ({
  addresses: [`10.0.${n >> 8}.${n & 255}`],
  conditions: { ready },
  targetRef: { kind: 'Pod', name: `p${n}`, uid: `u${n}` },
});
const endpoints = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => endpoint(from + i));

let created = 0;

/** What the server has after the plan. */
function apply(existing: readonly EndpointSlice[], plan: SlicePlan): EndpointSlice[] {
  const left = new Map(existing.map((slice) => [slice.metadata.name!, slice]));
  for (const slice of plan.remove) left.delete(slice.metadata.name!);
  for (const slice of plan.update) left.set(slice.metadata.name!, slice);
  for (const slice of plan.create) {
    const name = `slice-${++created}`;
    left.set(name, { ...slice, metadata: { ...slice.metadata, name } });
  }
  return [...left.values()];
}
const sizes = (slices: readonly EndpointSlice[]) =>
  slices.map((slice) => slice.endpoints!.length).sort((a, b) => a - b);

describe('planSlices', () => {
  it('keeps one empty slice for a Service without endpoints, and leaves it alone', () => {
    const first = apply([], planSlices(identity, [], []));
    assert.deepEqual(sizes(first), [0]);
    assert.deepEqual(planSlices(identity, first, []), { create: [], update: [], remove: [] });
  });

  it('turns the empty slice into the first full one', () => {
    const empty = apply([], planSlices(identity, [], []));
    const plan = planSlices(identity, empty, [{ ports: PORTS, endpoints: endpoints(0, 3) }]);
    assert.deepEqual([plan.create.length, plan.update.length, plan.remove.length], [0, 1, 0]);
    assert.deepEqual(sizes(apply(empty, plan)), [3]);
  });

  it('splits at the limit', () => {
    const plan = planSlices(identity, [], [{ ports: PORTS, endpoints: endpoints(0, 250) }]);
    assert.deepEqual(sizes(plan.create), [50, 100, 100]);
  });

  it('changes one slice for one changed endpoint', () => {
    const existing = apply([], planSlices(identity, [], [{ ports: PORTS, endpoints: endpoints(0, 250) }]));
    const wanted = [...endpoints(0, 249), endpoint(249, false)];
    const plan = planSlices(identity, existing, [{ ports: PORTS, endpoints: wanted }]);
    assert.deepEqual([plan.create.length, plan.update.length, plan.remove.length], [0, 1, 0]);
  });

  it('keeps pods with different ports in different slices', () => {
    const other = [{ name: 'http', port: 9090, protocol: 'TCP' as const }];
    const plan = planSlices(
      identity,
      [],
      [
        { ports: PORTS, endpoints: [endpoint(1)] },
        { ports: other, endpoints: [endpoint(2)] },
        { ports: PORTS, endpoints: [endpoint(3)] },
      ],
    );
    assert.deepEqual(sizes(plan.create), [1, 2]);
  });

  it("removes slices of another owner's uid", () => {
    const [foreign] = apply([], planSlices({ ...identity, owner: buildService({}, 'other') }, [], []));
    const plan = planSlices(identity, [foreign!], []);
    assert.deepEqual([plan.create.length, plan.update.length, plan.remove.length], [1, 0, 1]);
  });

  it('always shows exactly what is wanted, each endpoint once, and is then at rest', () => {
    const set = fc.uniqueArray(fc.integer({ min: 0, max: 60 }));
    fc.assert(
      fc.property(fc.array(set, { minLength: 1, maxLength: 6 }), (rounds) => {
        let slices: EndpointSlice[] = [];
        for (const round of rounds) {
          const wanted = [{ ports: PORTS, endpoints: round.map((n) => endpoint(n, n % 2 === 0)) }];
          slices = apply(slices, planSlices(identity, slices, wanted, 7));
          const shown = slices.flatMap((slice) => slice.endpoints!.map((e) => e.targetRef!.name!));
          assert.deepEqual(shown.sort(), round.map((n) => `p${n}`).sort());
          assert.ok(slices.every((slice) => slice.endpoints!.length <= 7));
          assert.deepEqual(planSlices(identity, slices, wanted, 7), { create: [], update: [], remove: [] });
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('endpointFor', () => {
  const ready = buildPod({ name: 'a', ip: '10.1.1.1', node: 'n', readySince: '2029-01-01T00:00:00Z' });
  const leaving = { ...ready, metadata: { ...ready.metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } };

  it('says where a pod is and how it is', () => {
    assert.deepEqual(endpointFor(service, ready, buildNode({ name: 'n', zone: 'z' }), 'IPv4'), {
      addresses: ['10.1.1.1'],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
      nodeName: 'n',
      zone: 'z',
    });
  });

  it('calls a leaving pod serving, not ready', () => {
    const conditions = endpointFor(service, leaving, undefined, 'IPv4')?.conditions;
    assert.deepEqual(conditions, { ready: false, serving: true, terminating: true });
  });

  it('publishes everything when the Service says so', () => {
    const open = buildService({ publishNotReadyAddresses: true });
    assert.equal(endpointFor(open, buildPod({ ip: '10.1.1.2' }), undefined, 'IPv4')?.conditions?.ready, true);
  });

  it('hints zone and node for traffic distribution', () => {
    const near = buildService({ trafficDistribution: 'PreferSameNode' });
    const hints = endpointFor(near, ready, buildNode({ name: 'n', zone: 'z' }), 'IPv4')?.hints;
    assert.deepEqual(hints, { forZones: [{ name: 'z' }], forNodes: [{ name: 'n' }] });
  });

  it('finds named ports, in sidecars too', () => {
    const pod = buildPod({
      spec: {
        containers: [{ name: 'm', ports: [{ name: 'web', containerPort: 81, protocol: 'TCP' }] }],
        initContainers: [{ name: 's', restartPolicy: 'Always', ports: [{ name: 'side', containerPort: 82 }] }],
      },
    });
    assert.equal(targetPort(pod, { port: 1, targetPort: 'web' }), 81);
    assert.equal(targetPort(pod, { port: 1, targetPort: 'side' }), 82);
    assert.equal(targetPort(pod, { port: 1, targetPort: 'none' }), undefined);
    assert.deepEqual(slicePorts(buildService({ ports: [{ port: 80, targetPort: 'web' }] }), pod), [
      { name: '', port: 81, protocol: 'TCP' },
    ]);
  });

  it('serves the families of the Service', () => {
    assert.deepEqual(addressTypesOf(buildService({ ipFamilies: ['IPv6', 'IPv4'] })), ['IPv6', 'IPv4']);
    assert.deepEqual(addressTypesOf(buildService({ ipFamilies: undefined, clusterIP: 'fd00::1' })), ['IPv6']);
  });
});

describe('Endpoints', () => {
  it('groups addresses by their ports, ready and not', () => {
    const pods = [
      buildPod({ name: 'b', ip: '10.1.1.2', readySince: '2029-01-01T00:00:00Z' }),
      buildPod({ name: 'a', ip: '10.1.1.1', readySince: '2029-01-01T00:00:00Z' }),
      buildPod({ name: 'c', ip: '10.1.1.3' }),
      buildPod({ name: 'done', ip: '10.1.1.4', phase: 'Succeeded' }),
    ];
    const [subset, ...rest] = subsetsFor(service, pods);
    assert.equal(rest.length, 0);
    assert.deepEqual(
      subset?.addresses?.map((a) => a.ip),
      ['10.1.1.1', '10.1.1.2'],
    );
    assert.deepEqual(
      subset?.notReadyAddresses?.map((a) => a.ip),
      ['10.1.1.3'],
    );
    assert.deepEqual(subset?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  });

  it('drops addresses that are not ready first when there are too many', () => {
    const subsets = [{ addresses: [{ ip: '1' }, { ip: '2' }], notReadyAddresses: [{ ip: '3' }, { ip: '4' }] }];
    assert.equal(truncate(subsets, 3), true);
    assert.deepEqual(subsets, [{ addresses: [{ ip: '1' }, { ip: '2' }], notReadyAddresses: [{ ip: '3' }] }]);
    assert.equal(truncate(subsets, 3), false);
  });
});

describe('mirroring', () => {
  const object = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'default' } };

  it('mirrors only Endpoints of Services without selectors', () => {
    assert.equal(shouldMirror(object, buildService({ selector: undefined })), true);
    assert.equal(shouldMirror(object, service), false);
    assert.equal(shouldMirror(object, undefined), false);
    const skipped = {
      ...object,
      metadata: { ...object.metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    };
    assert.equal(shouldMirror(skipped, buildService({ selector: undefined })), false);
  });

  it('splits addresses by family', () => {
    const subsets = [{ addresses: [{ ip: '1.2.3.4' }, { ip: 'fd00::1' }], ports: [{ port: 80 }] }];
    assert.deepEqual(mirroredGroups({ ...object, subsets }, 'IPv6'), [
      {
        ports: [{ name: '', port: 80, protocol: 'TCP' }],
        endpoints: [{ addresses: ['fd00::1'], conditions: { ready: true } }],
      },
    ]);
  });
});

describe('cluster DNS', () => {
  it('is served by every Ready node', () => {
    const dns = buildService({ ports: [{ name: 'dns', port: 53, protocol: 'UDP', targetPort: 10053 }] });
    const nodes = [
      buildNode({ name: 'b', ready: 'True', address: '192.0.2.2' }),
      buildNode({ name: 'a', ready: 'True', address: '192.0.2.1' }),
      buildNode({ name: 'c', ready: 'Unknown', address: '192.0.2.3' }),
    ];
    const [group] = dnsGroups(dns, nodes, 'IPv4');
    assert.deepEqual(group?.ports, [{ name: 'dns', port: 10053, protocol: 'UDP' }]);
    assert.deepEqual(
      group?.endpoints.map((e) => [e.nodeName, ...e.addresses]),
      [
        ['a', '192.0.2.1'],
        ['b', '192.0.2.2'],
      ],
    );
    assert.deepEqual(dnsGroups(dns, nodes, 'IPv6'), []);
  });
});
