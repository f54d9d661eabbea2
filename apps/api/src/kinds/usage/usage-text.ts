import type { UsagePoint, UsageSample } from './usage-points.js';

/**
 * Reads what an agent's `/metrics/resource` says: Prometheus' text format, of which four families and the start of
 * containers matter here. A container or a node that lacks one of its two figures is left out.
 */
export function readUsage(text: string): UsageSample {
  const sample: UsageSample = { node: undefined, pods: new Map() };
  const node: PartialPoint = {};
  const containers = new Map<string, PartialContainer>();
  for (const line of text.split('\n')) {
    const match = line.length > LONGEST_LINE ? null : LINE.exec(line);
    if (!match) continue;
    const [, family, labels = '', figure, stamp] = match;
    const value = Number(figure);
    const time = stamp === undefined ? undefined : Number(stamp);
    if (!Number.isFinite(value)) continue;
    if (family === 'node_cpu_usage_seconds_total') setCpu(node, value, time);
    else if (family === 'node_memory_working_set_bytes') node.memory = value;
    else if (CONTAINER_FAMILIES.has(family!)) {
      const named = labelsOf(labels);
      const container = containerOf(containers, named.get('namespace'), named.get('pod'), named.get('container'));
      if (!container) continue;
      if (family === 'container_cpu_usage_seconds_total') setCpu(container, value, time);
      else if (family === 'container_memory_working_set_bytes') container.memory = value;
      else container.started = value * 1000;
    }
  }
  sample.node = whole(node);
  for (const { pod, name, ...partial } of containers.values()) {
    const point = whole(partial);
    if (!point) continue;
    const points = sample.pods.get(pod) ?? new Map<string, UsagePoint>();
    sample.pods.set(pod, points.set(name, point));
  }
  return sample;
}

interface PartialPoint {
  cpu?: number;
  memory?: number;
  time?: number;
  started?: number;
}

interface PartialContainer extends PartialPoint {
  /** `namespace/name`. */
  pod: string;
  name: string;
}

/** No name of a pod or a container is longer than 253 letters. */
const LONGEST_LINE = 2048;
const LINE = /^(\w+)(?:\{(.*)\})? (\S+)(?: (\d+))?$/;
/** Begins where a label can begin: a long text that is none costs one look, not one at each of its letters. */
const LABEL = /(?:^|,)(\w+)="((?:[^"\\]|\\.)*)"/g;
const CONTAINER_FAMILIES = new Set([
  'container_cpu_usage_seconds_total',
  'container_memory_working_set_bytes',
  'container_start_time_seconds',
]);

function labelsOf(text: string): Map<string, string> {
  const labels = new Map<string, string>();
  for (const [, name, value] of text.matchAll(LABEL)) {
    labels.set(name!, value!.includes('\\') ? unescaped(value!) : value!);
  }
  return labels;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
}

function containerOf(
  containers: Map<string, PartialContainer>,
  namespace: string | undefined,
  pod: string | undefined,
  name: string | undefined,
): PartialContainer | undefined {
  if (!namespace || !pod || !name) return undefined;
  const key = `${namespace}/${pod}/${name}`;
  let container = containers.get(key);
  if (!container) containers.set(key, (container = { pod: `${namespace}/${pod}`, name }));
  return container;
}

function setCpu(point: PartialPoint, seconds: number, time: number | undefined): void {
  point.cpu = seconds;
  if (time !== undefined) point.time = time;
}

function whole({ cpu, memory, time, started }: PartialPoint): UsagePoint | undefined {
  // Without a time of its own a figure has no rate.
  if (cpu === undefined || memory === undefined || time === undefined) return undefined;
  return { cpu, memory, time, started };
}
