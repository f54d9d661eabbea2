import type { MetricsRegistry } from '#telemetry';
import type { ProbeCount } from './prober.js';

/** Containers, pods and namespaces of one node that are told apart, at most. */
const BOUND = 1000;

/** Kubelet's count of probes, of the containers that are probed now. */
export function registerProbeMetrics(registry: MetricsRegistry, counts: () => Iterable<ProbeCount>): void {
  const total = registry.counter({
    name: 'prober_probe_total',
    help: 'Probes of a container, by result.',
    labels: {
      probe_type: ['Startup', 'Liveness', 'Readiness'],
      result: ['successful', 'failed', 'unknown'],
      container: BOUND,
      pod: BOUND,
      namespace: BOUND,
      pod_uid: BOUND,
    },
  });
  registry.onCollect(() => {
    total.clear();
    for (const { type, container, pod, results } of counts()) {
      const { name, namespace, uid } = pod.metadata;
      for (const [result, count] of Object.entries(results)) {
        if (count > 0) total.cell(type, result, container, name, namespace, uid).value = count;
      }
    }
  });
}
