import { podIPs } from '../observe/observed-pod.js';
import type { PodState } from '../plan/pod-state.js';
import type { UnmountContext, VolumeContext } from '../volumes/volume-plugin.js';
import { pullSecrets } from './pull-secrets.js';
import type { Needs } from './step-services.js';

export type VolumeServices = Needs<
  | 'node'
  | 'paths'
  | 'source'
  | 'tokens'
  | 'trust'
  | 'certificates'
  | 'claims'
  | 'mounter'
  | 'memoryDirectory'
  | 'images'
  | 'runtime'
  | 'events'
  | 'logger'
>;

/** What plugins mount the pod's volumes with. */
export function volumeContext(services: VolumeServices, { pod, observed }: PodState): VolumeContext {
  const { node, paths, source, tokens, trust, certificates, claims } = services;
  const { mounter, memoryDirectory, images, runtime, events } = services;
  return {
    pod,
    podIPs: podIPs(pod, observed, node.hostIPs),
    hostIPs: node.hostIPs,
    nodeName: node.name,
    nodeAllocatable: node.allocatable,
    paths,
    source,
    tokens,
    trust,
    certificates,
    claims,
    mounter,
    memoryDirectory,
    images: {
      async ensure(volume, image, imagePullPolicy) {
        const secrets = await pullSecrets(services, pod);
        return images.ensure({ image, imagePullPolicy }, secrets, (type, reason, message) =>
          events.event(pod, type, reason, `Volume "${volume}": ${message}`),
        );
      },
      open: (uid, volume, image) => runtime.openImageView(image, uid, `image-volume-${uid}-${volume}`),
    },
  };
}

export function unmountContext(services: Needs<'paths' | 'memoryDirectory' | 'runtime'>): UnmountContext {
  const { paths, memoryDirectory, runtime } = services;
  return { paths, memoryDirectory, closeImages: (uid) => runtime.closeImageViews(uid) };
}
