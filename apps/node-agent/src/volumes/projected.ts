import type { Payload } from '#files';
import type { Pod } from '../pod/pod-types.js';
import { configMapPayload } from './config-map.js';
import { downwardPayload } from './downward-api.js';
import { memoryPath, secretPayload } from './secret.js';
import { type VolumeContext, VolumeError, type VolumePlugin } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/projected';
const DEFAULT_MODE = 0o644;

/** Several sources in one folder, among them the pod's own ServiceAccount token; in memory as secrets are. */
export const projected: VolumePlugin = {
  type: 'projected',
  plugin: PLUGIN,
  refreshes: true,
  readOnly: true,
  async mount(context, volume) {
    const { sources = [], defaultMode = DEFAULT_MODE } = volume['projected'];
    const payloads = await Promise.all(
      (sources as Record<string, any>[]).map((source) => sourcePayload(context, source, defaultMode)),
    );
    const all: Payload = new Map(payloads.flatMap((payload) => [...payload]));
    const path = memoryPath(context, context.pod.metadata.uid, PLUGIN, volume.name);
    await context.paths.files.writePayload(path, all, context.pod.spec.securityContext?.fsGroup);
    return path;
  },
};

async function sourcePayload(context: VolumeContext, source: Record<string, any>, mode: number): Promise<Payload> {
  if (source['configMap']) return configMapPayload(context, source['configMap'], mode);
  if (source['secret']) return secretPayload(context, source['secret'], mode);
  if (source['downwardAPI']) return downwardPayload(context, source['downwardAPI'].items ?? [], mode);
  if (source['serviceAccountToken']) {
    const { path, audience, expirationSeconds } = source['serviceAccountToken'];
    const token = await context.tokens.token(context.pod, { audience, expirationSeconds });
    const user = commonUser(context.pod);
    const hasGroup = context.pod.spec.securityContext?.fsGroup !== undefined;
    const tokenMode = hasGroup || user !== undefined ? 0o600 : mode;
    return new Map([[path, { data: Buffer.from(token), mode: tokenMode, uid: hasGroup ? undefined : user }]]);
  }
  throw new VolumeError(`projected source ${Object.keys(source).join(', ') || 'without a type'} is not supported`);
}

/** The user that all containers run as; then the token is that user's alone. */
function commonUser(pod: Pod): number | undefined {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const users = new Set(
    containers.map((container) => container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser),
  );
  return users.size === 1 ? [...users][0] : undefined;
}
