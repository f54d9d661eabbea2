import { dirname } from 'node:path';
import { valueOfQuantity } from '#apimachinery';
import { definePlugin, VolumeError } from './volume-plugin.js';

export const EMPTY_DIR = 'kubernetes.io/empty-dir';

export const emptyDir = definePlugin({
  type: 'emptyDir',
  plugin: EMPTY_DIR,
  async mount({ pod, paths }, name, { medium = '', sizeLimit }) {
    const { uid } = pod.metadata;
    const { files } = paths;
    const path = paths.volume(uid, EMPTY_DIR, name);
    const mark = paths.readyMark(uid, EMPTY_DIR, name);
    if (medium !== '' && medium !== 'Memory') {
      throw new VolumeError(`unknown storage medium ${JSON.stringify(medium)}`);
    }
    const inMemory = medium === 'Memory';
    // What was made ready once is the containers' from then on: a new agent changes nothing in it, as kubelet does not.
    if (await files.exists(mark)) {
      if (inMemory ? await files.isMounted(path) : await files.exists(path)) return path;
    }
    await files.makeFolder(path, 0o750);
    if (inMemory && !(await files.isMounted(path))) {
      const limit = sizeLimit ? valueOfQuantity(sizeLimit) : 0;
      await files.mountTmpfs(path, limit > 0 ? [`size=${limit}`] : []);
    }
    // Any user of the pod may write.
    await files.makeFolderExactly(path, 0o777);
    const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
    if (fsGroup !== undefined) await files.setGroup(path, fsGroup, fsGroupChangePolicy);
    await files.makeFolder(dirname(mark), 0o750);
    await files.write(mark, '', 0o640);
    return path;
  },
});
