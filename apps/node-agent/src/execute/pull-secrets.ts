import type { KubeObject } from '#apimachinery';
import { type Pod, podKey } from '../pod/pod.js';
import type { Needs } from './step-services.js';

/**
 * Those of the pod's imagePullSecrets that can be had. As upstream, the image is asked for without the others, which an
 * event names: a registry may give it to everybody.
 */
export async function pullSecrets(
  { source, events, logger }: Needs<'source' | 'events' | 'logger'>,
  pod: Pod,
): Promise<KubeObject[]> {
  const { namespace } = pod.metadata;
  // An empty name is valid in the API.
  const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
  const found = await Promise.all(
    names.map((name) =>
      source.secret(namespace, name).catch((error) => {
        logger.warn('a pull secret cannot be read', { pod: podKey(pod), secret: name, error });
        return undefined;
      }),
    ),
  );
  const missing = names.filter((_name, index) => found[index] === undefined);
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
    events.event(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
  }
  return found.filter((secret): secret is KubeObject => secret !== undefined);
}
