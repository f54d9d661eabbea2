import { chmod, mkdir } from 'node:fs/promises';
import { valueOfQuantity } from '#apimachinery';
import { setGroup } from './ownership.js';
import { VolumeError, type VolumePlugin } from './volume-plugin.js';

export const EMPTY_DIR = 'kubernetes.io/empty-dir';

export const emptyDir: VolumePlugin = {
  type: 'emptyDir',
  plugin: EMPTY_DIR,
  async mount({ pod, paths, mounter }, volume) {
    const source = volume['emptyDir'] ?? {};
    const path = paths.volume(pod.metadata.uid, EMPTY_DIR, volume.name);
    const medium: string = source.medium ?? '';
    await mkdir(path, { recursive: true });
    if (medium === 'Memory' && !mounter.isMounted(path)) {
      const limit = source.sizeLimit ? valueOfQuantity(source.sizeLimit) : 0;
      await mounter.tmpfs(path, limit > 0 ? [`size=${limit}`] : []);
    } else if (medium !== '' && medium !== 'Memory') {
      throw new VolumeError(`unknown storage medium ${JSON.stringify(medium)}`);
    }
    // Beyond what the process's umask leaves: any user of the pod may write.
    await chmod(path, 0o777);
    const security = pod.spec.securityContext;
    await setGroup(path, security?.fsGroup, security?.fsGroupChangePolicy);
    return path;
  },
  async unmount({ paths, mounter }, uid, name) {
    await mounter.unmount(paths.volume(uid, EMPTY_DIR, name));
  },
};
