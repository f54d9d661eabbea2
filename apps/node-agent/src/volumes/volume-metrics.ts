import type { MetricsRegistry } from '#telemetry';

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];
const PLUGINS = 30;
const OPERATIONS = ['volume_mount', 'volume_unmount'] as const;
const IMAGE = 'kubernetes.io/image';

/** Tells of each operation on a volume once it is over. */
export class VolumeOperations {
  /** `plugin`: the reference's name of it, such as kubernetes.io/secret. */
  onDone: (plugin: string, operation: (typeof OPERATIONS)[number], ms: number, failed: boolean) => void = () => {};

  async timed<T>(plugin: string, operation: (typeof OPERATIONS)[number], work: Promise<T>): Promise<T> {
    const begun = performance.now();
    let failed = true;
    try {
      const done = await work;
      failed = false;
      return done;
    } finally {
      this.onDone(plugin, operation, performance.now() - begun, failed);
    }
  }
}

/** Kubelet's metrics of volumes, and of those whose files are an image's. */
export function registerVolumeMetrics(registry: MetricsRegistry, operations: VolumeOperations): void {
  const seconds = registry.histogram(
    {
      name: 'storage_operation_duration_seconds',
      help: 'Time that an operation on a volume took, in seconds.',
      labels: {
        volume_plugin: PLUGINS,
        operation_name: OPERATIONS,
        status: ['success', 'fail-unknown'],
        migrated: ['false'],
      },
    },
    SECONDS,
  );
  const requested = registry
    .counter({ name: 'kubelet_image_volume_requested_total', help: 'Mounts of images as volumes that were tried.' })
    .cell();
  const mounted = registry
    .counter({ name: 'kubelet_image_volume_mounted_succeed_total', help: 'Images that were mounted as volumes.' })
    .cell();
  const failures = registry
    .counter({ name: 'kubelet_image_volume_mounted_errors_total', help: 'Images that could not be mounted.' })
    .cell();
  operations.onDone = (plugin, operation, ms, failed) => {
    seconds.cell(plugin, operation, failed ? 'fail-unknown' : 'success', 'false').observe(ms / 1000);
    if (plugin !== IMAGE || operation !== 'volume_mount') return;
    requested.value += 1;
    (failed ? failures : mounted).value += 1;
  };
}
