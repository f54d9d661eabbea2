import type { ObservedPod } from '../observe/observed-pod.js';
import { allContainers, type Pod } from '../pod/pod.js';
import { qualifiedImage } from './image-name.js';

/** Ids and names of images that containers have, dead ones as well, and that pods of the node ask for. */
export function* usedImages(pods: Iterable<Pod>, observed: Iterable<ObservedPod>): Iterable<string> {
  for (const { containers } of observed) {
    for (const { image, imageRef } of containers) yield* [imageRef, qualifiedImage(image) ?? image];
  }
  for (const pod of pods) {
    const volumes = (pod.spec.volumes ?? []).map((volume) => volume['image']?.reference as string | undefined);
    const named = [...[...allContainers(pod)].map(({ container }) => container.image), ...volumes];
    for (const name of named) {
      const full = name && qualifiedImage(name);
      if (full) yield full;
    }
  }
}
