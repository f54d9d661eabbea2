import type { MetricsRegistry } from '#telemetry';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Counts the commits of the store. Its writes go in groups, for which upstream's metrics of etcd have no names. */
export function commitMetrics(registry: MetricsRegistry): (sets: number, ms: number) => void {
  const duration = registry
    .histogram(
      { name: 'berth_store_commit_duration_seconds', help: 'Time of a commit to PostgreSQL, in seconds.' },
      SECONDS,
    )
    .cell();
  const sizes = registry
    .histogram({ name: 'berth_store_commit_write_sets', help: 'Write sets that one commit held.' }, SETS)
    .cell();
  return (sets, ms) => {
    duration.observe(ms / 1000);
    sizes.observe(sets);
  };
}
