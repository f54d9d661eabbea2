import {
  alreadyExists,
  conflict,
  type FieldError,
  forbidden,
  invalid,
  notFound,
  type StatusError,
} from '#apimachinery';
import type { CommitFailure, ExceededCounter } from '../../storage/store.js';
import { groupResourceOf } from '../object-key.js';
import type { ResourceEntry } from '../resource-table.js';

export function throwInvalid(entry: ResourceEntry, name: string, errors: FieldError[]): void {
  if (errors.length === 0) return;
  const { group, kind } = entry.definition;
  throw invalid({ group, kind }, name, errors);
}

/** What the client is told when the store refuses; `name` is the object that the request is about. */
export function commitError(entry: ResourceEntry, name: string, failure: CommitFailure): StatusError {
  if (failure.reason === 'exceeded') return forbidden(entry.groupResource, name, exceededText(failure.counters));
  const own = failure.key.resource === entry.definition.storageResource && failure.key.name === name;
  if (own) {
    if (failure.reason === 'exists') return alreadyExists(entry.groupResource, name);
    if (failure.reason === 'missing') return notFound(entry.groupResource, name);
    return conflict(entry.groupResource, name);
  }
  if (failure.reason === 'missing') return notFound(groupResourceOf(failure.key.resource), failure.key.name);
  return conflict(entry.groupResource, name);
}

function exceededText(counters: readonly ExceededCounter[]): string {
  const list = (number: (counter: ExceededCounter) => number) =>
    counters.map((item) => `${item.counter.name}=${number(item)}`).join(',');
  return `exceeded limits, requested: ${list((item) => item.requested)}, used: ${list((item) => item.used)}, limited: ${list((item) => item.limit)}`;
}
