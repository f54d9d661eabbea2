import type { GroupVersionKind, KubeObject, StatusError } from '#apimachinery';
import type { WriteOperation } from '../../admission/admission-request.js';
import type { ExceededCounter, ObjectKey } from '../../storage/store.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { DeleteRequestOptions, WriteRequestOptions } from '../request-options.js';
import type { WriteCall } from './write-call.js';
import type { WriteSetPart } from './write-participant.js';
import type { Stage } from './write-stages.js';

/** A subresource whose body is another kind: admission sees that, and the strategy sees the object. */
export interface SubresourceView {
  readonly kind: GroupVersionKind;
  of(object: KubeObject): KubeObject;
  /** The object with what admission made of its view. */
  into(object: KubeObject, view: KubeObject): KubeObject;
}

/** What one kind of write does its own way. The order of the stages is not part of it. */
export interface WritePlan {
  readonly operation: WriteOperation;
  /** One of the lists of write-stages. */
  readonly stages: readonly Stage[];
  readonly options: WriteRequestOptions | DeleteRequestOptions;
  /** What admission knows the options by, where the operation does not say it: PatchOptions. */
  readonly optionsKind?: string;
  /** Reads what the client sent: once, before the first attempt. */
  decode?(call: WriteCall): void | Promise<void>;
  /** Makes the new object. `old` is the stored one, frozen; undefined in a create. Called at each attempt. */
  next(old: KubeObject | undefined, call: WriteCall): KubeObject | Promise<KubeObject>;
  /** Why the stored object may not be written: a precondition that is not met. Thrown unless this replica was stale. */
  refusal?(call: WriteCall): StatusError | undefined;
  /** Whether `next` may be made again on the object that somebody else wrote meanwhile; no: that is a conflict. */
  repeatable?(call: WriteCall): boolean;
  /** Absent: admission sees the object. */
  readonly view?: SubresourceView;
  /** Takes over where there is no object to update, once the permission is granted. Its stages are the same. */
  create?(call: WriteCall): { readonly permission: ApiRequest; readonly plan: WritePlan } | undefined;
  /** What goes with this write alone, beside the parts of the participants. */
  part?(call: WriteCall): WriteSetPart | undefined;
  /** The error when limits stand against counters of `part`; undefined: they are not its own. */
  exceeded?(counters: readonly ExceededCounter[]): StatusError | undefined;
  /** True when a commit that failed on this key of `part` is worth another attempt. */
  retries?(key: ObjectKey): boolean;
  /** The error when all attempts failed on `key`; a conflict by default. */
  exhausted?(key: ObjectKey): StatusError | undefined;
  /** In place of the store: answers what is never stored. */
  answer?(call: WriteCall): ApiResult | Promise<ApiResult>;
  /** The answer of a write that removed the object; by default the object. */
  removed?(call: WriteCall): ApiResult;
  /** HTTP status of the answer. */
  readonly code: number;
  /** The manager's set is in the object and may not be dropped for its size. */
  readonly isApply?: boolean;
}
