import type { MetricsRegistry } from '#telemetry';
import { CGROUP_OPERATIONS, type PodCgroups } from './cgroups.js';

/** Prometheus' own bounds, which kubelet takes here. Seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Kubelet's metrics of the cgroups of pods. */
export function registerCgroupMetrics(registry: MetricsRegistry, cgroups: PodCgroups): void {
  const version = registry.gauge({ name: 'kubelet_cgroup_version', help: 'Version of the cgroup hierarchy of pods.' });
  version.cell().value = cgroups.version;
  const duration = registry.histogram(
    {
      name: 'kubelet_cgroup_manager_duration_seconds',
      help: 'Time that an operation on a cgroup took, in seconds.',
      labels: { operation_type: CGROUP_OPERATIONS },
    },
    BUCKETS,
  );
  cgroups.onDone = (operation, ms) => duration.cell(operation).observe(ms / 1000);
}
