import type { KubeObject } from '#apimachinery';

/**
 * An object as the store wants it: JSON that begins with apiVersion, kind and metadata, without resourceVersion.
 * Written by hand at the top level only, so that the order is certain whatever order the sender used.
 */
export function encodeForStorage(object: KubeObject): Buffer {
  const { resourceVersion: _, ...metadata } = object.metadata;
  let text = `{"apiVersion":${JSON.stringify(object.apiVersion)},"kind":${JSON.stringify(object.kind)},"metadata":${JSON.stringify(metadata)}`;
  for (const key in object) {
    if (key === 'apiVersion' || key === 'kind' || key === 'metadata') continue;
    const value = JSON.stringify(object[key]);
    if (value !== undefined) text += `,${JSON.stringify(key)}:${value}`;
  }
  return Buffer.from(`${text}}`);
}
