import type { KubeObject } from '#apimachinery';
import type { PluginDeclaration } from '#native/sched-core';

/** Volumes are not placed yet, but a claim that does not exist is said at once, as VolumeBinding does. */
export const VOLUME_BINDING: PluginDeclaration = { name: 'VolumeBinding', events: ['ClaimChange'], podFields: [] };

/** Why the pod's claims keep it from every node; undefined when they are all there. */
export function missingClaim(pod: KubeObject, exists: (name: string) => boolean): string | undefined {
  const volumes: any[] = pod['spec'].volumes ?? [];
  for (const { name, persistentVolumeClaim, ephemeral } of volumes) {
    const claim: string | undefined = persistentVolumeClaim?.claimName ?? (ephemeral && `${pod.metadata.name}-${name}`);
    if (claim === undefined || exists(claim)) continue;
    return ephemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${claim}"`
      : `persistentvolumeclaim "${claim}" not found`;
  }
  return undefined;
}
