import { dirname, join } from 'node:path';
import type { PodPaths } from '../pod/pod-paths.js';
import { definePlugin } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/image';

/** The files of an image (or of an OCI artifact that the runtime unpacks as one). */
export const image = definePlugin({
  type: 'image',
  plugin: PLUGIN,
  readOnly: true,
  async mount({ pod, paths, mounter, images }, name, { reference = '', pullPolicy }) {
    const path = paths.volume(pod.metadata.uid, PLUGIN, name);
    // What is mounted stays as it is, whatever its tag means by now.
    if (await paths.files.isMounted(path)) return path;
    const found = await images.ensure(name, reference, pullPolicy);
    // First: that the folder is there tells that images are to be let go.
    await paths.files.makeFolder(path, 0o755);
    const mounts = await images.open(pod.metadata.uid, name, found);
    // Upstream wants noexec, too, but a runtime's own read-only remount in the container takes it off again.
    try {
      for (const { type, source, options } of mounts)
        await mounter.mount({ type, source, options: [...options, 'ro'] }, path);
    } catch (error) {
      // Half of an image must not be taken for the whole at the next try.
      await paths.files.unmount(path);
      throw error;
    }
    return path;
  },
});

/** As the plugin's folder of a pod is named. */
export const IMAGE_FOLDER = PLUGIN.replace('/', '~');

/** Whether an image of the pod is still mounted: what is on the disk tells, the pod may be gone. */
export async function hasMountedImage(paths: PodPaths, uid: string): Promise<boolean> {
  const folder = dirname(paths.volume(uid, PLUGIN, 'any'));
  const places = (await paths.files.list(folder)).map(({ name }) => join(folder, name));
  return (await Promise.all(places.map((path) => paths.files.isMounted(path)))).includes(true);
}
