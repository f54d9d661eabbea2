import { semanticEqual } from '#apimachinery';
import type { KindStrategy } from '../../../contract/kind-module.js';
import type { DaemonSet } from '../../../generated/types.js';

/** The generation of the pod template: an internal field that this version shows as an annotation. */
const templateGeneration = 'deprecated.daemonset.template.generation';

export const daemonSetStrategy: KindStrategy = {
  prepareForCreate(set: DaemonSet) {
    setGeneration(set, Math.max(1, generationOf(set)));
  },
  prepareForUpdate(set: DaemonSet, old: DaemonSet, { subresource }) {
    if (subresource === 'status') return;
    const changed = !semanticEqual(set.spec.template, old.spec.template);
    setGeneration(set, generationOf(old) + (changed ? 1 : 0));
  },
};

function generationOf(set: DaemonSet): number {
  const generation = Number(set.metadata.annotations?.[templateGeneration] ?? 0);
  return Number.isSafeInteger(generation) ? generation : 0;
}

function setGeneration(set: DaemonSet, generation: number): void {
  set.metadata.annotations = { ...set.metadata.annotations, [templateGeneration]: String(generation) };
}
