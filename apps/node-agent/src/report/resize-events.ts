import type { PodState } from '../plan/pod-state.js';
import { resizeInProgress } from '../plan/resize.js';
import type { Container, Pod } from '../pod/pod.js';
import type { PodMemory } from '../pod/pod-memory.js';

export interface ResizeEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/**
 * Pure: what is to be said of a resize, once each: that it cannot begin, that it began, that it is complete. `before` is
 * the memory before the last grant, `state` what holds since.
 */
export function resizeEvents(before: PodMemory, state: PodState, wanted: Pod): ResizeEvent[] {
  const { pod, observed, memory } = state;
  const { resizePending } = memory;
  const inProgress = resizeInProgress(pod, observed, memory);
  const about = (type: ResizeEvent['type'], reason: string, message: string): ResizeEvent => ({
    type,
    reason,
    message: `${message}: ${resizeSummary(wanted)}`,
  });
  return [
    ...(resizePending && resizePending.message !== before.resizePending?.message
      ? [about('Warning', `Resize${resizePending.reason}`, `Pod resize ${resizePending.reason}`)]
      : []),
    ...(inProgress && !before.resizeAnnounced ? [about('Normal', 'ResizeStarted', 'Pod resize started')] : []),
    ...(!inProgress && before.resizeAnnounced ? [about('Normal', 'ResizeCompleted', 'Pod resize completed')] : []),
  ];
}

function resizeSummary({ spec, metadata }: Pod): string {
  const of = (containers: Container[] | undefined) =>
    containers?.length ? containers.map(({ name, resources = {} }) => ({ name, resources })) : undefined;
  const summary = { initContainers: of(spec.initContainers), containers: of(spec.containers) };
  return JSON.stringify({ ...summary, generation: metadata.generation });
}
