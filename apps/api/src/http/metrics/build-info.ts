import type { MetricsRegistry } from '#telemetry';
import { SERVER_VERSION } from '../documents/version.js';

/** What /version says, as a metric. */
export function registerBuildInfo(registry: MetricsRegistry): void {
  const values = {
    major: SERVER_VERSION.major,
    minor: SERVER_VERSION.minor,
    git_version: SERVER_VERSION.gitVersion,
    git_commit: SERVER_VERSION.gitCommit,
    git_tree_state: SERVER_VERSION.gitTreeState,
    build_date: SERVER_VERSION.buildDate,
    go_version: SERVER_VERSION.goVersion,
    compiler: SERVER_VERSION.compiler,
    platform: SERVER_VERSION.platform,
  };
  const labels = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
  const family = registry.gauge({ name: 'kubernetes_build_info', help: 'The build that runs; always 1.', labels });
  family.cell(...Object.values(values)).value = 1;
}
