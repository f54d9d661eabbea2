import { conflict, type StatusError } from '#apimachinery';
import type { DeleteRequestOptions } from '../request-options.js';
import type { WriteCall } from './write-call.js';
import { throwInvalid } from './write-errors.js';

/** What a client expects of the stored object. */
export type Preconditions = NonNullable<DeleteRequestOptions['preconditions']>;

/** The conflict that an unmet precondition is; undefined when all are met. */
export function unmetPrecondition(
  { entry, current }: WriteCall,
  { uid, resourceVersion }: Preconditions,
): StatusError | undefined {
  const { name, uid: storedUid, revision } = current!;
  if (uid !== undefined && uid !== storedUid) {
    return conflict(
      entry.groupResource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${storedUid}`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== String(revision)) {
    return conflict(
      entry.groupResource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${revision}`,
    );
  }
  return undefined;
}

/** The same for an update, whose object names its uid and its revision. Throws 422 for a revision that is no number. */
export function updateRefusal(call: WriteCall): StatusError | undefined {
  const { entry, target, object, current } = call;
  const { uid, resourceVersion } = object.metadata;
  const unmet = uid ? unmetPrecondition(call, { uid }) : undefined;
  if (unmet) return unmet;
  if (!resourceVersion || resourceVersion === '0' || resourceVersion === String(current!.revision)) return undefined;
  if (/^\d+$/.test(resourceVersion)) return conflict(entry.groupResource, target.name);
  const quoted = JSON.stringify(resourceVersion);
  throwInvalid(entry, target.name, [
    {
      field: 'metadata.resourceVersion',
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`,
    },
  ]);
  return undefined;
}
