import { join } from 'node:path';
import type { Payload } from '#files';
import { pickItems, secretData, type VolumeContext, VolumeError, type VolumePlugin } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/secret';
const DEFAULT_MODE = 0o644;

export interface SecretProjection {
  name?: string;
  items?: { key: string; path: string; mode?: number }[];
  optional?: boolean;
}

export async function secretPayload(
  { pod, source }: VolumeContext,
  projection: SecretProjection,
  defaultMode = DEFAULT_MODE,
): Promise<Payload> {
  const { namespace } = pod.metadata;
  const name = projection.name ?? '';
  const object = await source.secret(namespace, name);
  if (!object && !projection.optional) throw new VolumeError(`secret "${name}" not found`);
  return pickItems(secretData(object), projection.items, defaultMode, projection.optional === true, 'secret');
}

/** Lies in memory: no byte of a secret is written to a disk. */
export const secret: VolumePlugin = {
  type: 'secret',
  plugin: PLUGIN,
  refreshes: true,
  readOnly: true,
  async mount(context, volume) {
    const { secretName, items, optional, defaultMode } = volume['secret'];
    const payload = await secretPayload(context, { name: secretName, items, optional }, defaultMode);
    const path = memoryPath(context, context.pod.metadata.uid, PLUGIN, volume.name);
    await context.paths.files.writePayload(path, payload, context.pod.spec.securityContext?.fsGroup);
    return path;
  },
};

export function memoryPath(
  { memoryDirectory }: Pick<VolumeContext, 'memoryDirectory'>,
  uid: string,
  plugin: string,
  name: string,
): string {
  return join(memoryDirectory, uid, plugin.replace('/', '~'), name);
}
