import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { RULES_COMPILED, RULES_EVALUATED, type RuleTiming } from '#kinds';
import type { MetricsRegistry } from '#telemetry';

/** Seconds: the default buckets of Prometheus' client for Go. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Follows the rules of custom resources until the signal fires. */
export function followRules(registry: MetricsRegistry, signal: AbortSignal): void {
  const follow = (channel: string, name: string, help: string) => {
    const seconds = registry.histogram({ name, help }, BUCKETS).cell();
    const observe = (timing: unknown) => seconds.observe((timing as RuleTiming).ms / 1000);
    subscribe(channel, observe);
    signal.addEventListener('abort', () => unsubscribe(channel, observe), { once: true });
  };
  follow(RULES_COMPILED, 'apiserver_cel_compilation_duration_seconds', 'Time to compile CEL rules, in seconds.');
  follow(RULES_EVALUATED, 'apiserver_cel_evaluation_duration_seconds', 'Time to evaluate a CEL rule, in seconds.');
}
