import type { KubeObject } from '#apimachinery';
import { ownValue, setOwn } from '#apimachinery';

/** For endpoints that write no metadata: the stored metadata, with the request's resourceVersion and managed fields. */
export function keepMetadata(object: KubeObject, old: KubeObject): void {
  const { managedFields, resourceVersion } = object.metadata;
  object.metadata = { ...old.metadata };
  if (managedFields === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = managedFields;
  if (resourceVersion === undefined) delete object.metadata.resourceVersion;
  else object.metadata.resourceVersion = resourceVersion;
}

/** A top-level or nested field as it was; absent stays absent. */
export function keepField(object: any, old: any, name: string): void {
  if (ownValue(old, name) === undefined) delete object[name];
  else setOwn(object, name, ownValue(old, name));
}

/** The time as meta/v1 Time writes it. */
export function timeText(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}
