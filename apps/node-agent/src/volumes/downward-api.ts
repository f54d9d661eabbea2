import type { Payload, PayloadFile } from '#files';
import type { DownwardAPIVolumeFile } from '#kinds';
import { fieldValue, resourceValue } from '../pod/downward.js';
import { definePlugin, type VolumeContext, VolumeError, volumePath } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/downward-api';
const DEFAULT_MODE = 0o644;

export function downwardPayload(
  context: VolumeContext,
  items: readonly DownwardAPIVolumeFile[],
  defaultMode = DEFAULT_MODE,
): Payload {
  const payload = new Map<string, PayloadFile>();
  for (const item of items) {
    payload.set(item.path, { data: Buffer.from(itemValue(context, item)), mode: item.mode ?? defaultMode });
  }
  return payload;
}

function itemValue(context: VolumeContext, item: DownwardAPIVolumeFile): string {
  if (item.fieldRef) return fieldValue(context, item.fieldRef);
  const selector = item.resourceFieldRef!;
  const { containers, initContainers = [] } = context.pod.spec;
  const container = [...containers, ...initContainers].find(({ name }) => name === selector.containerName);
  if (!container) throw new VolumeError(`container ${selector.containerName} not found`);
  return resourceValue(context, container, selector);
}

export const downwardApi = definePlugin({
  type: 'downwardAPI',
  plugin: PLUGIN,
  refreshes: true,
  readOnly: true,
  async mount(context, name, { items = [], defaultMode }) {
    const path = volumePath(context, PLUGIN, name);
    await context.paths.files.writePayload(
      path,
      downwardPayload(context, items, defaultMode),
      context.pod.spec.securityContext?.fsGroup,
    );
    return path;
  },
});
