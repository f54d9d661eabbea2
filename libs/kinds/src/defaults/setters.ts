import { ownValue, setOwn } from '#apimachinery';
import type { Setter } from '../contract/kind-module.js';

/** Small setters, for the rules of more than one kind. */

/** For what is a default in words only: another rule, or the decoder, sees to it. */
export const nothing: Setter = () => {};

/** What `from` has and `target` has not. */
export function fillMissing(target: Record<string, string>, from: Record<string, string> | undefined): void {
  for (const key in from) {
    if (ownValue(target, key) === undefined) setOwn(target, key, from[key]!);
  }
}

export function isEmpty(map: object | undefined | null): boolean {
  return map === undefined || map === null || Object.keys(map).length === 0;
}

/** A workload without labels takes those of its template. */
export const labelsFromTemplate: Setter = (object) => {
  const labels = object.spec?.template?.metadata?.labels;
  if (isEmpty(object.metadata.labels) && !isEmpty(labels)) object.metadata.labels = { ...labels };
};
