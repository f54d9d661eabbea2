import type { MetricsRegistry } from './registry.js';

/** What the process itself uses, by the names of Prometheus' client libraries. */
export function registerProcessMetrics(registry: MetricsRegistry): void {
  const cpu = registry
    .counter({ name: 'process_cpu_seconds_total', help: 'CPU time spent, user and system, in seconds.' })
    .cell();
  const memory = registry.gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory in bytes.' }).cell();
  const start = registry.gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process, seconds since the epoch.',
  });
  start.cell().value = Math.round(Date.now() / 1000 - process.uptime());
  registry.onCollect(() => {
    const { user, system } = process.cpuUsage();
    cpu.value = (user + system) / 1e6;
    memory.value = process.memoryUsage.rss();
  });
}
