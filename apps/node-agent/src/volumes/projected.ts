import type { Payload } from '#files';
import type { VolumeProjection } from '#kinds';
import type { Pod } from '../pod/pod.js';
import { CONFIG_MAP, configPayload, SECRET } from './config-files.js';
import { downwardPayload } from './downward-api.js';
import { definePlugin, memoryPath, type VolumeContext, VolumeError } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/projected';
const DEFAULT_MODE = 0o644;

/** Several sources in one folder, among them the pod's own ServiceAccount token; in memory as secrets are. */
export const projected = definePlugin({
  type: 'projected',
  plugin: PLUGIN,
  refreshes: true,
  readOnly: true,
  async mount(context, name, { sources = [], defaultMode = DEFAULT_MODE }) {
    const payloads = await Promise.all(sources.map((source) => sourcePayload(context, source, defaultMode)));
    const all: Payload = new Map(payloads.flatMap((payload) => [...payload]));
    const path = memoryPath(context, PLUGIN, name);
    await context.paths.files.writePayload(path, all, context.pod.spec.securityContext?.fsGroup);
    return path;
  },
});

async function sourcePayload(context: VolumeContext, projection: VolumeProjection, mode: number): Promise<Payload> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  if (configMap) return configPayload(CONFIG_MAP, context, configMap, mode);
  if (secret) return configPayload(SECRET, context, secret, mode);
  if (downwardAPI) return downwardPayload(context, downwardAPI.items ?? [], mode);
  if (serviceAccountToken) {
    const { path, audience, expirationSeconds } = serviceAccountToken;
    const token = await context.tokens.token(context.pod, { audience, expirationSeconds });
    const user = commonUser(context.pod);
    const hasGroup = context.pod.spec.securityContext?.fsGroup !== undefined;
    const tokenMode = hasGroup || user !== undefined ? 0o600 : mode;
    return new Map([[path, { data: Buffer.from(token), mode: tokenMode, uid: hasGroup ? undefined : user }]]);
  }
  throw new VolumeError(`projected source ${Object.keys(projection).join(', ') || 'without a type'} is not supported`);
}

/** The user that all containers run as; then the token is that user's alone. */
function commonUser(pod: Pod): number | undefined {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const users = new Set(
    containers.map((container) => container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser),
  );
  return users.size === 1 ? [...users][0] : undefined;
}
