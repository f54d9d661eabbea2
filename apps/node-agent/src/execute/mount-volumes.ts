import { ImageError } from '../images/image-service.js';
import type { PodState } from '../plan/pod-state.js';
import { podKey } from '../pod/pod.js';
import { MountFailure, mountAll } from '../volumes/volume-set.js';
import { type VolumeServices, volumeContext } from './pod-volumes.js';
import type { Outcomes } from './step-services.js';

export async function* mountVolumes(services: VolumeServices, state: PodState): Outcomes {
  const { pod } = state;
  const { paths, events, logger } = services;
  try {
    await paths.files.makeFolder(paths.volumes(pod.metadata.uid), 0o750);
    yield { type: 'volumesMounted', paths: await mountAll(volumeContext(services, state)) };
  } catch (error) {
    if (!(error instanceof MountFailure)) throw error;
    const { volume, message, cause } = error;
    events.event(pod, 'Warning', 'FailedMount', message);
    logger.warn('volume not mounted', { pod: podKey(pod), error });
    const image = cause instanceof ImageError ? cause : undefined;
    yield { type: 'volumeFailed', volume, message, ...(image ? { image } : {}) };
  }
}
