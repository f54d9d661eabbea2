import assert from 'node:assert/strict';
import type { Endpoint, EndpointSlice } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import { buildService } from '#testing';
import { changeOf, countsOf, SliceMetrics } from './slice-metrics.js';
import { planSlices } from './slice-plan.js';

const PORTS = [{ name: 'http', port: 8080, protocol: 'TCP' as const }];
const service = buildService();
const identity = { owner: service, addressType: 'IPv4' as const, labels: {}, placeholder: true };
const endpoints = (from: number, to: number): Endpoint[] =>
  Array.from({ length: to - from }, (_, i) => ({ addresses: [`10.0.${(from + i) >> 8}.${(from + i) & 255}`] }));
const groups = (from: number, to: number) => (to > from ? [{ ports: PORTS, endpoints: endpoints(from, to) }] : []);

describe('metrics of EndpointSlices', () => {
  const rows: [what: string, before: [number, number], now: [number, number], expected: number[]][] = [
    ['nothing', [0, 0], [0, 0], [0, 1, 1, 0, 0]],
    ['the first', [0, 0], [0, 3], [3, 1, 1, 3, 0]],
    ['more than a slice', [0, 0], [0, 250], [250, 3, 3, 250, 0]],
    ['others', [0, 3], [1, 5], [4, 1, 1, 2, 1]],
    ['none any more', [0, 3], [0, 0], [0, 1, 1, 0, 3]],
  ];
  for (const [what, before, now, expected] of rows) {
    it(`of a Service with ${what}`, () => {
      const first = planSlices(identity, [], groups(...before)).create;
      const existing: EndpointSlice[] = first.map((slice, i) => ({
        ...slice,
        metadata: { ...slice.metadata, name: `s${i}` },
      }));
      const plan = planSlices(identity, existing, groups(...now));
      const { endpoints, wanted, slices } = countsOf(groups(...now), existing.length, plan);
      const { added, removed } = changeOf(existing, plan);
      assert.deepEqual([endpoints, wanted, slices, added, removed], expected);
    });
  }

  it('are sums over the Services that are there', () => {
    const registry = new MetricsRegistry();
    const metrics = new SliceMetrics(registry);
    const shown = () => {
      const values = registry.samples().filter(({ metricName }) => !metricName.includes('_per_sync'));
      return Object.fromEntries(
        values.map(({ metricName, labels, value }) => [
          Object.values(labels)[0] ?? metricName.slice('endpoint_slice_controller_'.length),
          value,
        ]),
      );
    };
    const close = { ...service, spec: { ...service.spec, trafficDistribution: 'PreferClose' } };
    metrics.synced('a/b', close, { endpoints: 3, wanted: 1, slices: 2 }, 3, 0);
    metrics.synced('a/c', service, { endpoints: 4, wanted: 1, slices: 1 }, 4, 0);
    metrics.synced('a/c', service, { endpoints: 2, wanted: 1, slices: 1 }, 0, 2);
    const distributions = { PreferClose: 1, PreferSameZone: 0, PreferSameNode: 0 };
    assert.deepEqual(shown(), {
      ...{ endpoints_desired: 5, desired_endpoint_slices: 2, num_endpoint_slices: 3 },
      ...distributions,
    });
    metrics.forget('a/b');
    assert.deepEqual(shown(), {
      ...{ endpoints_desired: 2, desired_endpoint_slices: 1, num_endpoint_slices: 1 },
      ...{ ...distributions, PreferClose: 0 },
    });
  });
});
