import type { PersistentVolumeClaim, Pod, StatefulSet, Volume } from '#kinds';

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
export const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

/** What of a pod belongs to its ordinal, and stays when the pod is replaced: its name, its volumes. */

export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const text = pod.metadata.name!.startsWith(prefix) ? pod.metadata.name!.slice(prefix.length) : '';
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/** The ordinals of the set: `end` is the first one beyond it. */
export function rangeOf({ spec }: StatefulSet): { start: number; end: number } {
  const start = spec.ordinals?.start ?? 0;
  return { start, end: start + (spec.replicas ?? 1) };
}

export function claimName(template: PersistentVolumeClaim, set: StatefulSet, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`;
}

export function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [POD_NAME_LABEL]: `${set.metadata.name}-${ordinal}`, [POD_INDEX_LABEL]: String(ordinal) };
}

export function hasIdentity(set: StatefulSet, pod: Pod): boolean {
  return ordinalOf(set, pod) !== undefined && pod.metadata.labels?.[POD_NAME_LABEL] === pod.metadata.name;
}

/** The volumes of the set's claims, and those of the pod that have other names. */
export function volumesFor(set: StatefulSet, ordinal: number, others: readonly Volume[] = []): Volume[] {
  const claims = (set.spec.volumeClaimTemplates ?? []).map(
    (claim): Volume => ({
      name: claim.metadata.name!,
      persistentVolumeClaim: { claimName: claimName(claim, set, ordinal) },
    }),
  );
  const names = new Set(claims.map((volume) => volume.name));
  return [...claims, ...others.filter((volume) => !names.has(volume.name))];
}

export function hasStorage(set: StatefulSet, pod: Pod): boolean {
  return (set.spec.volumeClaimTemplates ?? []).every((claim) => {
    const volume = pod.spec.volumes?.find(({ name }) => name === claim.metadata.name);
    return volume?.persistentVolumeClaim?.claimName === claimName(claim, set, ordinalOf(set, pod) ?? -1);
  });
}
