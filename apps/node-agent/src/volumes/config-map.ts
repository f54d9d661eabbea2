import type { Payload } from '#files';
import { configMapData, pickItems, type VolumeContext, VolumeError, type VolumePlugin } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/configmap';
const DEFAULT_MODE = 0o644;

export interface ConfigMapProjection {
  name?: string;
  items?: { key: string; path: string; mode?: number }[];
  optional?: boolean;
}

export async function configMapPayload(
  { pod, source }: VolumeContext,
  projection: ConfigMapProjection,
  defaultMode = DEFAULT_MODE,
): Promise<Payload> {
  const { namespace } = pod.metadata;
  const name = projection.name ?? '';
  const object = await source.configMap(namespace, name);
  if (!object && !projection.optional) throw new VolumeError(`configmap "${name}" not found`);
  return pickItems(configMapData(object), projection.items, defaultMode, projection.optional === true, 'configmap');
}

export const configMap: VolumePlugin = {
  type: 'configMap',
  plugin: PLUGIN,
  refreshes: true,
  readOnly: true,
  async mount(context, volume) {
    const source = volume['configMap'] as ConfigMapProjection & { defaultMode?: number };
    const payload = await configMapPayload(context, source, source.defaultMode);
    const path = context.paths.volume(context.pod.metadata.uid, PLUGIN, volume.name);
    await context.paths.files.writePayload(path, payload, context.pod.spec.securityContext?.fsGroup);
    return path;
  },
};
