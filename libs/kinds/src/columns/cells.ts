import { formatLabelSelector, humanDuration, type KubeObject, ownValue, parseTime } from '#apimachinery';
import type { Cells } from '../contract/kind-module.js';

export const none = '<none>';
export const unset = '<unset>';
export const unknown = '<unknown>';

/** Time since a timestamp as people read it; `<unknown>` for none. */
export function since(time: string | null | undefined, now: Date): string {
  const at = time ? parseTime(time) : undefined;
  return at === undefined ? unknown : humanDuration(now.getTime() - at);
}

export function age(object: KubeObject, now: Date): string {
  return since(object.metadata.creationTimestamp, now);
}

export function nameOf(object: KubeObject): string {
  return object.metadata.name ?? '';
}

/** `a=1,b=2` in order of keys; `<none>` when empty. */
export function labelList(labels: Record<string, string> | null | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length === 0 ? none : keys.map((key) => `${key}=${ownValue(labels, key)}`).join(',');
}

export function selectorText(selector: any): string {
  const text = formatLabelSelector(selector);
  return text === '' ? none : text;
}

/** The two cells Containers and Images of a pod template's spec. */
export function containerCells(podSpec: any): [names: string, images: string] {
  const containers: any[] = podSpec?.containers ?? [];
  return [containers.map(({ name }) => name).join(','), containers.map(({ image }) => image ?? '').join(',')];
}

/** The first `max` items, then how many there are besides. */
export function withMore(items: string[], max: number, empty: string, separator = ','): string {
  if (items.length === 0) return empty;
  const shown = items.slice(0, max).join(separator);
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}

export function conditionOf(object: any, type: string): any {
  return (object.status?.conditions ?? []).find((condition: any) => condition.type === type);
}

export function isTrue(object: any, type: string): boolean {
  return conditionOf(object, type)?.status === 'True';
}

/** Cells of kinds that show nothing but name and age. */
export const nameAndAge: Cells = (object, now) => [nameOf(object), age(object, now)];

/** Cells of the generic columns. */
export const nameAndCreation: Cells = (object) => [nameOf(object), object.metadata.creationTimestamp ?? null];
