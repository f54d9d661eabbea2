import { conflict, type GroupResource, type StatusError } from '#apimachinery';
import type { DeleteRequestOptions } from '../request-options.js';
import type { WriteCall } from './write-call.js';
import { throwInvalid } from './write-errors.js';

/** What a client expects of the stored object. */
export type Preconditions = NonNullable<DeleteRequestOptions['preconditions']>;

/** Verbs of the reference that check preconditions by themselves say it in other words than its store. */
export interface PreconditionWords {
  resource?: GroupResource;
  uid(wanted: string, stored: string): string;
  resourceVersion(wanted: string, stored: number): string;
}

const STORE_WORDS: PreconditionWords = {
  uid: (wanted, stored) => `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${stored}`,
  resourceVersion: (wanted, stored) =>
    `Precondition failed: ResourceVersion in precondition: ${wanted}, ResourceVersion in object meta: ${stored}`,
};

/** The conflict that an unmet precondition is; undefined when all are met. */
export function unmetPrecondition(
  { entry, current }: WriteCall,
  { uid, resourceVersion }: Preconditions,
  words: PreconditionWords = STORE_WORDS,
): StatusError | undefined {
  const { name, uid: storedUid, revision } = current!;
  const resource = words.resource ?? entry.groupResource;
  if (uid !== undefined && uid !== storedUid) return conflict(resource, name, words.uid(uid, storedUid));
  if (resourceVersion !== undefined && resourceVersion !== String(revision)) {
    return conflict(resource, name, words.resourceVersion(resourceVersion, revision));
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
