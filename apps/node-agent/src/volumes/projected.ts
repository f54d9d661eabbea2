import { aggregateMessages } from '#apimachinery';
import type { Payload, PayloadFile } from '#files';
import type { VolumeProjection } from '#kinds';
import type { Pod } from '../pod/pod.js';
import { CONFIG_MAP, configPayload, SECRET } from './config-files.js';
import { downwardPayload } from './downward-api.js';
import { definePlugin, memoryPath, type VolumeContext, VolumeError } from './volume-plugin.js';

const PLUGIN = 'kubernetes.io/projected';
const DEFAULT_MODE = 0o644;

/** Several sources in one folder, among them tokens and keys of the pod's own; in memory as secrets are. */
export const projected = definePlugin({
  type: 'projected',
  plugin: PLUGIN,
  refreshes: true,
  readOnly: true,
  async mount(context, name, { sources = [], defaultMode = DEFAULT_MODE }) {
    const results = await Promise.allSettled(
      sources.map((source, index) => sourcePayload(context, { volume: name, index, source, mode: defaultMode })),
    );
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as Error).message] : [],
    );
    if (failures.length > 0) throw new VolumeError(aggregateMessages(failures));
    const all: Payload = new Map(results.flatMap((result) => (result.status === 'fulfilled' ? [...result.value] : [])));
    const path = memoryPath(context, PLUGIN, name);
    await context.paths.files.writePayload(path, all, context.pod.spec.securityContext?.fsGroup);
    return path;
  },
});

interface Source {
  volume: string;
  index: number;
  source: VolumeProjection;
  mode: number;
}

async function sourcePayload(context: VolumeContext, { volume, index, source, mode }: Source): Promise<Payload> {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const { pod } = context;
  if (configMap) return configPayload(CONFIG_MAP, context, configMap, mode);
  if (secret) return configPayload(SECRET, context, secret, mode);
  if (downwardAPI) return downwardPayload(context, downwardAPI.items ?? [], mode);
  if (serviceAccountToken) {
    const { path, audience, expirationSeconds } = serviceAccountToken;
    const token = await context.tokens.token(pod, { audience, expirationSeconds });
    return new Map([[path, ownFile(pod, token, mode)]]);
  }
  if (clusterTrustBundle) {
    const { name, signerName, labelSelector, optional = false, path } = clusterTrustBundle;
    const anchors =
      name === undefined
        ? await context.trust.bySigner(signerName ?? '', labelSelector, optional)
        : await context.trust.byName(name, optional);
    return new Map([[path, ownFile(pod, anchors, mode)]]);
  }
  if (podCertificate) {
    const { key, chain } = context.certificates.credentials(pod, volume, index);
    const { credentialBundlePath, keyPath, certificateChainPath } = podCertificate;
    const files: [string | undefined, string][] = [
      [credentialBundlePath, key + chain],
      [keyPath, key],
      [certificateChainPath, chain],
    ];
    return new Map(files.flatMap(([path, text]) => (path ? [[path, ownFile(pod, text, mode)]] : [])));
  }
  throw new VolumeError(`projected source ${Object.keys(source).join(', ') || 'without a type'} is not supported`);
}

/** Nobody else's: of the user that all containers run as if there is one, and of the volume's group if there is one. */
function ownFile(pod: Pod, text: string, mode: number): PayloadFile {
  const user = commonUser(pod);
  const hasGroup = pod.spec.securityContext?.fsGroup !== undefined;
  const isOwned = hasGroup || user !== undefined;
  return { data: Buffer.from(text), mode: isOwned ? 0o600 : mode, uid: hasGroup ? undefined : user };
}

function commonUser(pod: Pod): number | undefined {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const users = new Set(
    containers.map((container) => container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser),
  );
  return users.size === 1 ? [...users][0] : undefined;
}
