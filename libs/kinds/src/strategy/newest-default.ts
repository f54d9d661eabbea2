import type { KubeObject } from '#apimachinery';
import { ownValue } from '#apimachinery';

/** Of the classes that an annotation marks as default the newest, by name among equals. */
export function newestDefault(classes: readonly KubeObject[], annotations: readonly string[]): KubeObject | undefined {
  const created = (item: KubeObject) => Date.parse(item.metadata.creationTimestamp ?? '') || 0;
  return classes
    .filter((item) => annotations.some((annotation) => ownValue(item.metadata.annotations, annotation) === 'true'))
    .sort((a, b) => created(b) - created(a) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))[0];
}
