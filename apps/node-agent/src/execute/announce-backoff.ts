import type { PodState } from '../plan/pod-state.js';
import { recordContainer } from './container-events.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';

export async function* announceBackoff(
  services: Needs<'events'>,
  { pod, memory }: PodState,
  { key, container, cause }: StepOf<'announceBackoff'>,
): Outcomes {
  yield { type: 'backoffAnnounced', key };
  const { name, namespace, uid } = pod.metadata;
  if (cause === 'crash') {
    const message = `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`;
    recordContainer(services, pod, container, 'Warning', 'BackOff', message);
    return;
  }
  const progress = memory.images.get(container);
  if (!progress?.failure) return;
  const message = `Back-off pulling image "${progress.image}"`;
  recordContainer(services, pod, container, 'Normal', 'BackOff', message);
  recordContainer(services, pod, container, 'Warning', 'Failed', 'Error: ImagePullBackOff');
  yield { type: 'imagePullBackedOff', container, message: `${message}: ErrImagePull: ${progress.failure.message}` };
}
