import { type KubeObject, requestEntityTooLarge } from '#apimachinery';

/**
 * Bytes of JSON that a stored object may have: etcd's default limit of a request (--max-request-bytes), which holds for
 * the reference's objects. Readers, watchers, the log and the cache pay for every byte. The reference passes on etcd's
 * "request is too large" as a 500; it is the client's doing, so here it is the 413 of a body that is too large.
 */
export const MAX_OBJECT_BYTES = 1.5 * 1024 * 1024;

/**
 * An object as the store wants it: JSON that begins with apiVersion, kind and metadata, without resourceVersion.
 * Throws 413 beyond MAX_OBJECT_BYTES.
 */
export function encodeForStorage(object: KubeObject): Buffer {
  const body = encode(object);
  if (body.length > MAX_OBJECT_BYTES) throw tooLarge();
  return body;
}

/**
 * The same for what a client writes. An object that is too large with its managedFields goes without them, as in the
 * reference, which takes them out of `object`; not in an apply, whose manager's set they are.
 */
export function encodeWritten(object: KubeObject, isApply: boolean): Buffer {
  const body = encode(object);
  if (body.length <= MAX_OBJECT_BYTES) return body;
  if (isApply || object.metadata.managedFields === undefined) throw tooLarge();
  delete object.metadata.managedFields;
  return encodeForStorage(object);
}

/** The same for an object that goes, or waits for that: nothing stops a deletion. */
export function encodeDeleted(object: KubeObject): Buffer {
  return encode(object);
}

function tooLarge(): Error {
  return requestEntityTooLarge(`limit is ${MAX_OBJECT_BYTES}`);
}

/** Written by hand at the top level only, so that the order is certain whatever order the sender used. */
function encode(object: KubeObject): Buffer {
  const { resourceVersion: _, ...metadata } = object.metadata;
  let text = `{"apiVersion":${JSON.stringify(object.apiVersion)},"kind":${JSON.stringify(object.kind)},"metadata":${JSON.stringify(metadata)}`;
  for (const key in object) {
    if (key === 'apiVersion' || key === 'kind' || key === 'metadata') continue;
    const value = JSON.stringify(object[key]);
    if (value !== undefined) text += `,${JSON.stringify(key)}:${value}`;
  }
  return Buffer.from(`${text}}`);
}
