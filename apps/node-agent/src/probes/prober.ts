import type { EventRecorder } from '#client';
import type { Probe } from '#kinds';
import { type NodeFacts, type PodState, podIPs } from '../execute/execution.js';
import { newest, type ObservedContainer } from '../observe/observed-pod.js';
import {
  allContainers,
  type Container,
  type ContainerKind,
  containerFieldPath,
  isSidecar,
  isTerminal,
} from '../pod/pod.js';
import type { ProbeResults } from '../pod/pod-memory.js';
import type { CriRuntime } from '../runtime/cri.js';
import { ProbeWorker } from './probe-worker.js';
import { runProbe } from './run-probe.js';

type ProbeType = keyof ProbeResults;

const TYPES: readonly { type: ProbeType; title: string; of(container: Container): Probe | undefined }[] = [
  { type: 'startup', title: 'Startup', of: (container) => container.startupProbe },
  { type: 'liveness', title: 'Liveness', of: (container) => container.livenessProbe },
  { type: 'readiness', title: 'Readiness', of: (container) => container.readinessProbe },
];

export interface ProberOptions {
  runtime: Pick<CriRuntime, 'execSync'>;
  events: EventRecorder;
  node: NodeFacts;
  now(): number;
  /** A result changed. */
  onChange(uid: string): void;
}

/** Keeps a worker for each probe of each running container. Results go into the pod's memory, where the plan reads them. */
export class Prober {
  /** By pod, then by `<container id>/<type>`. */
  private readonly workers = new Map<string, Map<string, ProbeWorker>>();

  constructor(private readonly options: ProberOptions) {}

  /** Starts what should be probed now and stops what should not. */
  sync(state: PodState): void {
    const { uid } = state.pod.metadata;
    const workers = this.workers.get(uid) ?? new Map<string, ProbeWorker>();
    const wanted = new Set<string>();
    for (const { container, kind } of allContainers(state.pod)) {
      const current = newest(state.observed, container.name);
      if (current?.state !== 'running' || !isProbed(container, kind)) continue;
      this.remember(state, container, current);
      for (const { type, title, of } of TYPES) {
        const probe = of(container);
        if (!probe || !shouldRun(state, type)) continue;
        const key = `${current.id}/${type}`;
        wanted.add(key);
        if (!workers.has(key)) workers.set(key, this.start(state, container, kind, current, type, title, probe));
      }
    }
    for (const [key, worker] of workers) {
      if (wanted.has(key)) continue;
      worker.stop();
      workers.delete(key);
    }
    if (workers.size > 0) this.workers.set(uid, workers);
    else this.workers.delete(uid);
  }

  stop(uid: string): void {
    for (const worker of this.workers.get(uid)?.values() ?? []) worker.stop();
    this.workers.delete(uid);
  }

  /** What holds before the first answer. A container that an earlier agent found ready stays so meanwhile. */
  private remember({ pod, memory }: PodState, container: Container, current: ObservedContainer): void {
    if (memory.probes.has(current.id)) return;
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const known = statuses.find((status) => status.containerID?.endsWith(current.id));
    memory.probes.set(current.id, {
      startup: !container.startupProbe || known?.started ? 'success' : 'unknown',
      liveness: 'success',
      readiness: !container.readinessProbe || known?.ready ? 'success' : 'failure',
    });
  }

  private start(
    state: PodState,
    container: Container,
    kind: ContainerKind,
    current: ObservedContainer,
    type: ProbeType,
    title: string,
    probe: Probe,
  ): ProbeWorker {
    const { runtime, events, node, now, onChange } = this.options;
    const { uid } = state.pod.metadata;
    const results = (): ProbeResults => state.memory.probes.get(current.id)!;
    return new ProbeWorker({
      probe,
      startedAt: current.startedAt,
      now,
      run: () => {
        const podIP = podIPs(state, node)[0] ?? '';
        return runProbe(runtime, probe, { containerId: current.id, container, podIP });
      },
      // A failure is final for its container: it will be replaced. Until it is gone others want to know whether it is ready.
      mayRun: () => {
        const { startup, liveness } = results();
        if (type === 'startup') return startup === 'unknown';
        return startup === 'success' && (type === 'readiness' || liveness !== 'failure');
      },
      onOutcome: ({ result, output }) => {
        const fieldPath = containerFieldPath(kind, container.name);
        if (result === 'warning') {
          events.event(state.pod, 'Warning', 'ProbeWarning', `${title} probe warning: ${output}`, fieldPath);
          return;
        }
        const verb = result === 'error' ? 'errored and resulted in unknown state' : 'failed';
        events.event(state.pod, 'Warning', 'Unhealthy', `${title} probe ${verb}: ${output}`, fieldPath);
      },
      onResult: (result) => {
        if (results()[type] === result) return;
        results()[type] = result;
        if (type === 'startup') {
          for (const [key, worker] of this.workers.get(uid) ?? []) {
            if (key.startsWith(current.id) && !key.endsWith('/startup')) worker.trigger();
          }
        }
        onChange(uid);
      },
    });
  }
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
