import { readFileSync } from 'node:fs';
import type { MetricsRegistry } from './registry.js';

/** From `dist/libs/telemetry/src/metrics`. */
const FACTS = new URL('../../../../../libs/telemetry/src/facts/metrics.json', import.meta.url);
const LEVELS = ['ALPHA', 'BETA', 'STABLE', 'INTERNAL'];

/**
 * Shows how many of the reference's metrics are there, by the level that the reference gives them. None of them is deprecated.
 * Metrics of our own, and those of the process, are not counted: the reference leaves out what is no metric of its framework.
 */
export function registerRegisteredMetrics(registry: MetricsRegistry): void {
  const family = registry.counter({
    name: 'registered_metrics_total',
    help: 'Metrics that are registered, by stability level and by the version that deprecates them.',
    labels: { stability_level: LEVELS, deprecated_version: [''] },
  });
  let levels: Map<string, string> | undefined;
  registry.onCollect(() => {
    levels ??= readLevels();
    family.clear();
    for (const name of registry.names()) {
      const level = levels.get(name);
      if (level !== undefined) family.cell(level, '').value += 1;
    }
  });
}

function readLevels(): Map<string, string> {
  const { metrics } = JSON.parse(readFileSync(FACTS, 'utf8')) as { metrics: { name: string; level: string }[] };
  return new Map(metrics.filter(({ level }) => level !== '').map(({ name, level }) => [name, level]));
}
