import type { PodState } from '../plan/pod-state.js';
import type { Container } from '../pod/pod.js';
import type { CriDevice } from '../runtime/cri-types.js';
import { readOnlyVolumes } from '../volumes/volume-set.js';
import { ConfigError } from './environment.js';

/** Pure: the block devices that the container has volumes of. Throws ConfigError for one that it cannot have. */
export function containerDevices({ pod, memory }: PodState, container: Container): CriDevice[] {
  const readOnly = readOnlyVolumes(pod.spec.volumes);
  return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    if (!devicePath.startsWith('/'))
      throw new ConfigError(`error DevicePath \`${devicePath}\` must be an absolute path`);
    const volume = memory.volumes.get(name);
    if (volume?.phase !== 'mounted') {
      throw new ConfigError(`cannot find volume "${name}" to pass into container "${container.name}"`);
    }
    return { containerPath: devicePath, hostPath: volume.path, permissions: readOnly.has(name) ? 'r' : 'mrw' };
  });
}
