import type { EventRecorder } from '#client';
import type { Probe } from '#kinds';
import type { NodeFacts } from '../node/node-facts.js';
import { newest, type ObservedContainer, podIPs } from '../observe/observed-pod.js';
import type { PodState } from '../plan/pod-state.js';
import {
  allContainers,
  type Container,
  type ContainerKind,
  containerFieldPath,
  isSidecar,
  isTerminal,
  type Pod,
} from '../pod/pod.js';
import type { ProbeResult, ProbeResults } from '../pod/pod-memory.js';
import type { CriRuntime } from '../runtime/cri.js';
import { ProbeWorker } from './probe-worker.js';
import { type ProbeOutcome, type RunProbe, runProbe } from './run-probe.js';

type ProbeType = keyof ProbeResults;

interface ProbeKind {
  type: ProbeType;
  /** As events name it. */
  title: string;
  of(container: Container): Probe | undefined;
}

const KINDS: readonly ProbeKind[] = [
  { type: 'startup', title: 'Startup', of: (container) => container.startupProbe },
  { type: 'liveness', title: 'Liveness', of: (container) => container.livenessProbe },
  { type: 'readiness', title: 'Readiness', of: (container) => container.readinessProbe },
];

export interface ProberOptions {
  runtime: Pick<CriRuntime, 'execSync'>;
  probe?: RunProbe | undefined;
  events: EventRecorder;
  node: Pick<NodeFacts, 'hostIPs'>;
  now(): number;
  /** A result changed: `sync` gives the new ones. */
  onChange(uid: string): void;
}

/** How often one probe of a container was run. */
export interface ProbeCount {
  type: string;
  pod: Pod;
  container: string;
  results: { successful: number; failed: number; unknown: number };
}

const COUNTED = { success: 'successful', warning: 'successful', failure: 'failed', error: 'unknown' } as const;

/** Of one pod. */
interface Probed {
  /** By `<container id>/<type>`. */
  readonly workers: Map<string, { worker: ProbeWorker; count: ProbeCount }>;
  /** By container id. */
  results: ReadonlyMap<string, ProbeResults>;
}

/** Keeps a worker for each probe of each running container, and what they have found so far. */
export class Prober {
  private readonly pods = new Map<string, Probed>();

  constructor(private readonly options: ProberOptions) {}

  /** Starts what should be probed now and stops what should not. Gives the results by container id. */
  sync(state: PodState): ReadonlyMap<string, ProbeResults> {
    const { pod, observed } = state;
    const { uid } = pod.metadata;
    const probed: Probed = this.pods.get(uid) ?? { workers: new Map(), results: new Map() };
    this.pods.set(uid, probed);
    const ids = new Set(observed.containers.map(({ id }) => id));
    probed.results = new Map([...probed.results].filter(([id]) => ids.has(id)));
    const wanted = new Set<string>();
    for (const { container, kind } of allContainers(pod)) {
      const current = newest(observed, container.name);
      if (current?.state !== 'running' || !isProbed(container, kind)) continue;
      if (!probed.results.has(current.id)) setResults(probed, current.id, firstResults(pod, container, current));
      for (const probeKind of KINDS) {
        const probe = probeKind.of(container);
        if (!probe || !shouldRun(state, probeKind.type)) continue;
        const key = `${current.id}/${probeKind.type}`;
        wanted.add(key);
        if (probed.workers.has(key)) continue;
        probed.workers.set(key, this.start(state, probed, { container, kind, current, probe, probeKind }));
      }
    }
    for (const [key, worker] of probed.workers) {
      if (wanted.has(key)) continue;
      worker.worker.stop();
      probed.workers.delete(key);
    }
    return probed.results;
  }

  stop(uid: string): void {
    for (const { worker } of this.pods.get(uid)?.workers.values() ?? []) worker.stop();
    this.pods.delete(uid);
  }

  /** Of the probes that are run now. */
  *counts(): Iterable<ProbeCount> {
    for (const { workers } of this.pods.values()) for (const { count } of workers.values()) yield count;
  }

  private start(state: PodState, probed: Probed, target: Target): { worker: ProbeWorker; count: ProbeCount } {
    const { runtime, node, now, onChange, probe: ask = runProbe } = this.options;
    const { container, current, probe } = target;
    const { type } = target.probeKind;
    const { id } = current;
    const results = (): ProbeResults => probed.results.get(id) ?? NO_RESULTS;
    const count: ProbeCount = {
      type: target.probeKind.title,
      pod: state.pod,
      container: container.name,
      results: { successful: 0, failed: 0, unknown: 0 },
    };
    const worker = new ProbeWorker({
      probe,
      startedAt: current.startedAt,
      now,
      run: () => {
        const podIP = podIPs(state.pod, state.observed, node.hostIPs)[0] ?? '';
        return ask(runtime, probe, { containerId: id, container, podIP });
      },
      // A failure is final for its container: it will be replaced. Until it is gone others want to know whether it is ready.
      mayRun: () => {
        const { startup, liveness } = results();
        if (type === 'startup') return startup === 'unknown';
        return startup === 'success' && (type === 'readiness' || liveness !== 'failure');
      },
      onCount: (result) => {
        count.results[COUNTED[result]] += 1;
      },
      onOutcome: (outcome) => this.recordOutcome(state.pod, target, outcome),
      onResult: (result) => {
        if (results()[type] === result) return;
        setResults(probed, id, { ...results(), [type]: result });
        if (type === 'startup') {
          for (const [key, { worker }] of probed.workers) {
            if (key.startsWith(id) && !key.endsWith('/startup')) worker.trigger();
          }
        }
        onChange(state.pod.metadata.uid);
      },
    });
    return { worker, count };
  }

  private recordOutcome(pod: Pod, { container, kind, probeKind }: Target, { result, output }: ProbeOutcome): void {
    const { events } = this.options;
    const { title } = probeKind;
    const fieldPath = containerFieldPath(kind, container.name);
    if (result === 'warning') {
      events.event(pod, 'Warning', 'ProbeWarning', `${title} probe warning: ${output}`, fieldPath);
      return;
    }
    const verb = result === 'error' ? 'errored and resulted in unknown state' : 'failed';
    events.event(pod, 'Warning', 'Unhealthy', `${title} probe ${verb}: ${output}`, fieldPath);
  }
}

interface Target {
  container: Container;
  kind: ContainerKind;
  current: ObservedContainer;
  probe: Probe;
  probeKind: ProbeKind;
}

/** Of a container that is gone: nothing is asked any more. */
const NO_RESULTS: ProbeResults = { startup: 'failure', liveness: 'failure', readiness: 'failure' };

function setResults(probed: Probed, id: string, results: Record<ProbeType, ProbeResult>): void {
  probed.results = new Map(probed.results).set(id, results);
}

/** What holds before the first answer. A container that an earlier agent found ready stays so meanwhile. */
function firstResults({ status }: Pod, container: Container, { id }: ObservedContainer): ProbeResults {
  const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  const known = statuses.find(({ containerID }) => containerID?.endsWith(id));
  return {
    startup: !container.startupProbe || known?.started ? 'success' : 'unknown',
    liveness: 'success',
    readiness: !container.readinessProbe || known?.ready ? 'success' : 'failure',
  };
}

/** Ordinary init containers have no probes. */
function isProbed(container: Container, kind: ContainerKind): boolean {
  return kind === 'container' || isSidecar(container, kind);
}

/** A pod that is being stopped still says whether it is ready; nothing restarts its containers any more. */
function shouldRun({ pod, removed, memory }: PodState, type: ProbeType): boolean {
  if (removed || isTerminal(pod.status)) return false;
  return type === 'readiness' || (!memory.failed && pod.metadata.deletionTimestamp === undefined);
}
