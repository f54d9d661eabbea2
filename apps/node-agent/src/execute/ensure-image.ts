import { ImageError } from '../images/image-service.js';
import type { PodState } from '../plan/pod-state.js';
import { findContainer } from '../pod/pod.js';
import { recordContainer } from './container-events.js';
import { pullSecrets } from './pull-secrets.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';

export async function* ensureImage(
  services: Needs<'images' | 'source' | 'events' | 'logger'>,
  { pod }: PodState,
  { container: name, kind, restartCount }: StepOf<'ensureImage'>,
): Outcomes {
  const container = findContainer(pod, name, kind);
  const { image } = container;
  try {
    const secrets = await pullSecrets(services, pod);
    const imageRef = await services.images.ensure(container, secrets, (type, reason, message) => {
      recordContainer(services, pod, name, type, reason, message);
    });
    yield { type: 'imagePresent', container: name, image, restartCount, imageRef };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const { reason, message, pulled } = error;
    recordContainer(services, pod, name, 'Warning', 'Failed', `Error: ${reason}`);
    yield { type: 'imageFailed', container: name, image, restartCount, failure: { reason, message }, pulled };
  }
}
