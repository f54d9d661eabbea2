import { readdirSync, readFileSync } from 'node:fs';
import type { MetricsRegistry } from './registry.js';

/** What the process itself uses, by the names of Prometheus' client libraries. */
export function registerProcessMetrics(registry: MetricsRegistry): void {
  const cpu = registry
    .counter({ name: 'process_cpu_seconds_total', help: 'CPU time spent, user and system, in seconds.' })
    .cell();
  const memory = registry.gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory in bytes.' }).cell();
  const virtual = registry.gauge({ name: 'process_virtual_memory_bytes', help: 'Virtual memory in bytes.' }).cell();
  const files = registry.gauge({ name: 'process_open_fds', help: 'Open file descriptors.' }).cell();
  const mostFiles = registry.gauge({ name: 'process_max_fds', help: 'File descriptors that may be open.' }).cell();
  mostFiles.value = fileLimit();
  const start = registry.gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process, seconds since the epoch.',
  });
  start.cell().value = Math.round(Date.now() / 1000 - process.uptime());
  registry.onCollect(() => {
    const { user, system } = process.cpuUsage();
    cpu.value = (user + system) / 1e6;
    memory.value = process.memoryUsage.rss();
    virtual.value = Number(/^VmSize:\s+(\d+) kB$/m.exec(own('status'))?.[1] ?? 0) * 1024;
    files.value = readdirSync('/proc/self/fd').length;
  });
}

/** The soft limit; no limit is the largest number that Prometheus' clients give. */
function fileLimit(): number {
  const [, limit] = /^Max open files\s+(\S+)/m.exec(own('limits')) ?? [];
  return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit ?? 0);
}

function own(file: string): string {
  return readFileSync(`/proc/self/${file}`, 'utf8');
}
