import { ImageError } from '../images/image-service.js';
import type { Outcome } from '../plan/outcomes.js';
import type { PodState } from '../plan/pod-state.js';
import { type Pod, podKey } from '../pod/pod.js';
import { MountFailure, mountVolume as mount, pluginName, unmountVolume as unmount } from '../volumes/volume-set.js';
import type { Needs, Outcomes, StepOf } from './step-services.js';
import { unmountContext, type VolumeServices, volumeContext } from './volume-context.js';

/** Makes one volume ready; the others of the pod are no concern of it. */
export async function* mountVolume(
  services: VolumeServices & Needs<'volumeOperations'>,
  state: PodState,
  { volume: name }: StepOf<'mountVolume'>,
): Outcomes {
  const { pod } = state;
  const { paths, events, logger } = services;
  try {
    await paths.files.makeFolder(paths.volumes(pod.metadata.uid), 0o750);
    const volume = volumeOf(pod, name);
    const mounting = mount(volumeContext(services, state), volume);
    const path = await services.volumeOperations.mounted(pluginName(volume), keyOf(pod, name), mounting);
    yield { type: 'volumeMounted', volume: name, path };
  } catch (error) {
    if (!(error instanceof MountFailure)) throw error;
    events.event(pod, 'Warning', 'FailedMount', error.message);
    logger.warn('volume not mounted', { pod: podKey(pod), volume: name, error });
    yield mountFailed(name, error);
  }
}

function mountFailed(volume: string, { message, cause }: MountFailure): Outcome {
  if (!(cause instanceof ImageError)) return { type: 'volumeMountFailed', volume, message };
  const { reason, pulled } = cause;
  return { type: 'volumeMountFailed', volume, message, image: { reason, message: cause.message, pulled } };
}

/** Brings the content of a mounted volume up to date. One that cannot be stays as it is until the next time. */
export async function* updateVolume(
  services: VolumeServices,
  state: PodState,
  { volume: name }: StepOf<'updateVolume'>,
): Outcomes {
  const { pod } = state;
  // First: what changes from here on is for another update.
  yield { type: 'volumeUpdateBegun', volume: name };
  try {
    await mount(volumeContext(services, state), volumeOf(pod, name));
  } catch (error) {
    services.logger.warn('volume not updated', { pod: podKey(pod), volume: name, error });
  }
}

export async function* unmountVolume(
  services: Needs<'paths' | 'memoryDirectory' | 'runtime' | 'logger' | 'volumeOperations'>,
  { pod }: PodState,
  { volume: name }: StepOf<'unmountVolume'>,
): Outcomes {
  try {
    const known = pod.spec.volumes?.find((candidate) => candidate.name === name);
    services.volumeOperations.forget(keyOf(pod, name));
    const unmounting = unmount(unmountContext(services), pod.metadata.uid, name);
    await services.volumeOperations.timed(known ? pluginName(known) : '', 'volume_unmount', unmounting);
    yield { type: 'volumeUnmounted', volume: name };
  } catch (error) {
    services.logger.warn('volume not unmounted', { pod: podKey(pod), volume: name, error });
    yield { type: 'volumeUnmountFailed', volume: name, message: (error as Error).message };
  }
}

/** Volumes of different pods may share a name. */
function keyOf({ metadata }: Pod, volume: string): string {
  return `${metadata.uid}/${volume}`;
}

function volumeOf({ spec }: Pod, name: string) {
  const volume = spec.volumes?.find((candidate) => candidate.name === name);
  if (!volume) throw new Error(`volume ${name} is not in the pod`);
  return volume;
}
