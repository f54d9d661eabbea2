import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import type { CachedObject, Store, Write } from '../../storage/store.js';
import { PortRange, parseServiceRanges } from './ip-range.js';
import { ServiceAllocator } from './service-allocator.js';
import { ServiceRanges } from './service-ranges.js';

/** A store of which only the names are looked at. */
class NamedObjects implements Pick<Store, 'cache'> {
  readonly names = new Set<string>();

  cache(): ReturnType<Store['cache']> {
    const get = (_namespace: string, name: string) =>
      this.names.has(name)
        ? ({ name, uid: 'uid', revision: 1, parse: () => ({ metadata: {} }) } as CachedObject)
        : undefined;
    const list = () => ({ revision: 1, items: [] });
    return { get, list } as unknown as ReturnType<Store['cache']>;
  }

  /** What a commit of the writes leaves. */
  take(writes: readonly Write[]): void {
    for (const { op, key } of writes) {
      if (op === 'create') this.names.add(key.name);
      else this.names.delete(key.name);
    }
  }
}

type Spec = Record<string, any>;

const service = (spec: Spec): KubeObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec });

/** Makes a Service and updates it; gives both and what is taken in the end. */
function updated(made: Spec, next: (spec: Spec) => Spec) {
  const store = new NamedObjects();
  const allocator = new ServiceAllocator(
    store,
    new ServiceRanges(store, parseServiceRanges('10.96.0.0/24,fd00::/112')),
    new PortRange('30000-30009'),
    () => new Date(0),
  );
  const old = service(structuredClone(made));
  store.take(allocator.partIn({ resource: 'services', object: old, old: undefined })?.writes ?? []);
  const object = service(next(structuredClone(old['spec'])));
  store.take(allocator.partIn({ resource: 'services', object, old })?.writes ?? []);
  return { old: old['spec'], spec: object['spec'], taken: [...store.names].sort() };
}

const PORTS = [
  { name: 'http', port: 80, protocol: 'TCP' },
  { name: 'https', port: 443, protocol: 'TCP' },
];
const BALANCED = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: PORTS };
const nodePorts = (spec: Spec) => spec.ports.map(({ nodePort }: { nodePort?: number }) => nodePort);

describe('an update of a Service', () => {
  it('that is what was sent first keeps addresses and node ports', () => {
    const made = { type: 'NodePort', ipFamilyPolicy: 'PreferDualStack', ports: PORTS };
    const { old, spec, taken } = updated(made, () => structuredClone(made));
    assert.deepEqual(spec, old);
    assert.deepEqual(taken, [...spec.clusterIPs, ...nodePorts(spec).map(String)].sort());
  });

  it('knows ports by their names', () => {
    const { old, spec } = updated({ type: 'NodePort', ports: PORTS }, () => ({
      type: 'NodePort',
      ports: [
        { name: 'https', port: 8443 },
        { name: 'http', port: 8080 },
      ],
    }));
    assert.deepEqual(nodePorts(spec), nodePorts(old).reverse());
  });

  it('gives a port under a new name another node port, and the old one back', () => {
    const { old, spec, taken } = updated({ type: 'NodePort', ports: [PORTS[0]] }, () => ({
      type: 'NodePort',
      ports: [{ name: 'web', port: 80 }],
    }));
    assert.deepEqual(taken, [spec.clusterIP, String(nodePorts(spec)[0])].sort());
    assert.equal(nodePorts(old).length, 1);
  });

  it('to ClusterIP gives node ports back', () => {
    const { spec, taken } = updated({ type: 'NodePort', ports: PORTS }, ({ clusterIP, clusterIPs }) => ({
      type: 'ClusterIP',
      clusterIP,
      clusterIPs,
      ports: structuredClone(PORTS),
    }));
    assert.deepEqual(taken, [spec.clusterIP]);
  });

  it('to ExternalName gives everything back', () => {
    const made = { type: 'NodePort', ipFamilyPolicy: 'RequireDualStack', ports: PORTS };
    assert.deepEqual(updated(made, () => ({ type: 'ExternalName', externalName: 'example.org' })).taken, []);
  });

  it('keeps the port of health checks, and gives it back with the policy', () => {
    const kept = updated(BALANCED, () => structuredClone(BALANCED));
    assert.ok(kept.old.healthCheckNodePort);
    assert.equal(kept.spec.healthCheckNodePort, kept.old.healthCheckNodePort);
    const { old, taken } = updated(BALANCED, (spec) => ({ ...spec, externalTrafficPolicy: 'Cluster' }));
    assert.ok(!taken.includes(String(old.healthCheckNodePort)));
  });

  it('gives a balancer that wants no node ports only those it asks for', () => {
    const { spec } = updated({ type: 'ClusterIP', ports: PORTS }, ({ clusterIP, clusterIPs }) => ({
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      clusterIP,
      clusterIPs,
      ports: [{ ...PORTS[0], nodePort: 30005 }, { ...PORTS[1] }],
    }));
    assert.deepEqual(nodePorts(spec), [30005, undefined]);
  });

  it('of status or metadata alone touches nothing', () => {
    const { old, spec } = updated({ type: 'NodePort', ports: PORTS }, (same) => same);
    assert.deepEqual(spec, old);
  });
});
