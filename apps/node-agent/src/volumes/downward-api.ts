import type { Payload, PayloadFile } from '#files';
import { fieldValue, resourceValue } from '../pod/downward.js';
import type { ObjectFieldSelector, ResourceFieldSelector } from '../pod/pod-types.js';
import { type VolumeContext, VolumeError, type VolumePlugin } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/downward-api';
const DEFAULT_MODE = 0o644;

export interface DownwardItem {
  path: string;
  fieldRef?: ObjectFieldSelector;
  resourceFieldRef?: ResourceFieldSelector;
  mode?: number;
}

export function downwardPayload(
  context: VolumeContext,
  items: readonly DownwardItem[],
  defaultMode = DEFAULT_MODE,
): Payload {
  const payload = new Map<string, PayloadFile>();
  for (const item of items) {
    payload.set(item.path, { data: Buffer.from(itemValue(context, item)), mode: item.mode ?? defaultMode });
  }
  return payload;
}

function itemValue(context: VolumeContext, item: DownwardItem): string {
  if (item.fieldRef) return fieldValue(context, item.fieldRef);
  const selector = item.resourceFieldRef!;
  const { containers, initContainers = [] } = context.pod.spec;
  const container = [...containers, ...initContainers].find(({ name }) => name === selector.containerName);
  if (!container) throw new VolumeError(`container ${selector.containerName} not found`);
  return resourceValue(context, container, selector);
}

export const downwardApi: VolumePlugin = {
  type: 'downwardAPI',
  plugin: PLUGIN,
  refreshes: true,
  readOnly: true,
  async mount(context, volume) {
    const { items = [], defaultMode } = volume['downwardAPI'];
    const path = context.paths.volume(context.pod.metadata.uid, PLUGIN, volume.name);
    await context.paths.files.writePayload(
      path,
      downwardPayload(context, items, defaultMode),
      context.pod.spec.securityContext?.fsGroup,
    );
    return path;
  },
};
