import type { MetricsRegistry } from '#telemetry';

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];
const PLUGINS = 30;
const OPERATIONS = ['volume_mount', 'volume_unmount'] as const;
const IMAGE = 'kubernetes.io/image';

/** Tells of each operation on a volume once it is over. */
export class VolumeOperations {
  /** `plugin`: the reference's name of it, such as kubernetes.io/secret. */
  onDone: (plugin: string, operation: (typeof OPERATIONS)[number], ms: number, failed: boolean) => void = () => {};

  /** Tells of each volume once it is mounted: how long ago that was tried first. */
  onMounted: (plugin: string, ms: number) => void = () => {};
  /** When mounting was tried first, by volume: of those that are not mounted yet. */
  private readonly wanted = new Map<string, number>();

  /** `key` is the volume's own, for as long as it is not mounted. */
  async mounted<T>(plugin: string, key: string, work: Promise<T>): Promise<T> {
    const first = this.wanted.get(key) ?? performance.now();
    this.wanted.set(key, first);
    const done = await this.timed(plugin, 'volume_mount', work);
    this.wanted.delete(key);
    this.onMounted(plugin, performance.now() - first);
    return done;
  }

  /** The volume is not wanted any more. */
  forget(key: string): void {
    this.wanted.delete(key);
  }

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
  const overall = registry.histogram(
    {
      name: 'volume_operation_total_seconds',
      help: 'Time from the first try to mount a volume until it was mounted, in seconds.',
      labels: { plugin_name: PLUGINS, operation_name: ['overall_volume_mount'] },
    },
    SECONDS,
  );
  operations.onMounted = (plugin, ms) => overall.cell(plugin, 'overall_volume_mount').observe(ms / 1000);
  operations.onDone = (plugin, operation, ms, failed) => {
    seconds.cell(plugin, operation, failed ? 'fail-unknown' : 'success', 'false').observe(ms / 1000);
    if (plugin !== IMAGE || operation !== 'volume_mount') return;
    requested.value += 1;
    (failed ? failures : mounted).value += 1;
  };
}
