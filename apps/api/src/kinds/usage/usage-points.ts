/** What something has used at one moment. */
export interface UsagePoint {
  /** CPU time so far, in core-seconds. */
  cpu: number;
  /** Working set in bytes. */
  memory: number;
  /** Milliseconds since the epoch. */
  time: number;
  /** When the container started, in milliseconds since the epoch; undefined for nodes, and where it is not known. */
  started?: number;
}

/** What one node says of itself and of its containers. */
export interface UsageSample {
  node: UsagePoint | undefined;
  /** By `namespace/name` of the pod, then by name of the container. */
  pods: Map<string, Map<string, UsagePoint>>;
}

/** Usage over the time between two points. */
export interface Usage {
  /** In billionths of a core. */
  nanoCores: number;
  memory: number;
  /** The end of the time, in milliseconds since the epoch. */
  time: number;
  /** Milliseconds. */
  window: number;
}

export interface ContainerUsage extends Usage {
  name: string;
}

/** A container that is younger than a scrape's interval is measured since its start, if that is this long ago. Milliseconds. */
const FRESH_MS = 10_000;

/** The last two points of everything on the nodes; rules as those of metrics-server. */
export class UsagePoints {
  private readonly nodes = new Map<string, { last: UsageSample; before: UsageSample }>();

  /** @param interval - milliseconds between two scrapes. */
  constructor(private readonly interval: number) {}

  store(node: string, sample: UsageSample): void {
    const known = this.nodes.get(node);
    const before: UsageSample = { node: undefined, pods: new Map() };
    if (sample.node && known?.last.node) {
      before.node = sample.node.time > known.last.node.time ? known.last.node : known.before.node;
    }
    for (const [pod, containers] of sample.pods) {
      const points = new Map<string, UsagePoint>();
      for (const [name, point] of containers) {
        const last = known?.last.pods.get(pod)?.get(name);
        const former = this.former(point, last, known?.before.pods.get(pod)?.get(name));
        if (former) points.set(name, former);
      }
      before.pods.set(pod, points);
    }
    this.nodes.set(node, { last: sample, before });
  }

  /** Forgets all nodes but these. */
  keep(nodes: ReadonlySet<string>): void {
    for (const name of this.nodes.keys()) if (!nodes.has(name)) this.nodes.delete(name);
  }

  clear(): void {
    this.nodes.clear();
  }

  node(name: string): Usage | undefined {
    const known = this.nodes.get(name);
    return usageBetween(known?.before.node, known?.last.node);
  }

  /** Undefined unless all containers of the pod are known; those whose figures went back are left out. */
  pod(node: string, pod: string): ContainerUsage[] | undefined {
    const known = this.nodes.get(node);
    const last = known?.last.pods.get(pod);
    const before = known?.before.pods.get(pod);
    if (!last || !before || [...last.keys()].some((name) => !before.has(name))) return undefined;
    return [...last].flatMap(([name, point]) => {
      const usage = usageBetween(before.get(name), point);
      return usage ? [{ name, ...usage }] : [];
    });
  }

  private former(
    point: UsagePoint,
    last: UsagePoint | undefined,
    before: UsagePoint | undefined,
  ): UsagePoint | undefined {
    const { started = 0, time } = point;
    const age = time - started;
    if (age >= FRESH_MS && age < this.interval) return { ...point, cpu: 0, time: started };
    // One that started after the last point is another container.
    if (!last || started >= last.time) return undefined;
    if (time > last.time) return last;
    return before && before.time < time ? before : undefined;
  }
}

function usageBetween(before: UsagePoint | undefined, last: UsagePoint | undefined): Usage | undefined {
  if (!before || !last || last.cpu < before.cpu || last.time <= before.time) return undefined;
  const window = last.time - before.time;
  const nanoCores = Math.trunc(((last.cpu - before.cpu) / window) * 1e12);
  return { nanoCores, memory: Math.trunc(last.memory), time: last.time, window };
}
