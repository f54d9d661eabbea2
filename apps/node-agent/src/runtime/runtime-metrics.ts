import { exponentialBuckets, type MetricsRegistry } from '#telemetry';
import type { CriRuntime } from './cri.js';

/** Kubelet's names of the calls of CRI, by the calls' own: kuberuntime/instrumented_services.go. */
export const RUNTIME_OPERATIONS: Readonly<Record<string, string>> = {
  Version: 'version',
  Status: 'status',
  RuntimeConfig: 'runtime_config',
  RunPodSandbox: 'run_podsandbox',
  StopPodSandbox: 'stop_podsandbox',
  RemovePodSandbox: 'remove_podsandbox',
  PodSandboxStatus: 'podsandbox_status',
  ListPodSandbox: 'list_podsandbox',
  ListPodSandboxStats: 'list_podsandbox_stats',
  CreateContainer: 'create_container',
  StartContainer: 'start_container',
  StopContainer: 'stop_container',
  RemoveContainer: 'remove_container',
  ListContainers: 'list_containers',
  ContainerStatus: 'container_status',
  UpdateContainerResources: 'update_container',
  ReopenContainerLog: 'reopen_container_log',
  ContainerStats: 'container_stats',
  ListContainerStats: 'list_container_stats',
  ExecSync: 'exec_sync',
  Exec: 'exec',
  Attach: 'attach',
  PortForward: 'port_forward',
  ListImages: 'list_images',
  ImageStatus: 'image_status',
  PullImage: 'pull_image',
  RemoveImage: 'remove_image',
  ImageFsInfo: 'image_fs_info',
};

/** Kubelet's: 5 ms, each bound 2.5 times the one before. Seconds. */
const BUCKETS = exponentialBuckets(0.005, 2.5, 14);

/** Kubelet's metrics of the calls to the container runtime: how many, how long, how many failed. */
export function registerRuntimeMetrics(registry: MetricsRegistry, runtime: Pick<CriRuntime, 'onDone'>): void {
  const labels = { operation_type: Object.values(RUNTIME_OPERATIONS) };
  const total = registry.counter({
    name: 'kubelet_runtime_operations_total',
    help: 'Calls to the container runtime.',
    labels,
  });
  const errors = registry.counter({
    name: 'kubelet_runtime_operations_errors_total',
    help: 'Calls to the container runtime that failed.',
    labels,
  });
  const duration = registry.histogram(
    { name: 'kubelet_runtime_operations_duration_seconds', help: 'Time that a call took, in seconds.', labels },
    BUCKETS,
  );
  runtime.onDone = (method, ms, failed) => {
    // own-lookup: methods are those of the runtime's own client
    const operation = RUNTIME_OPERATIONS[method] ?? method;
    total.cell(operation).value += 1;
    duration.cell(operation).observe(ms / 1000);
    if (failed) errors.cell(operation).value += 1;
  };
}
