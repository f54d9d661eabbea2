import type { KubeObject, StatusError } from '#apimachinery';
import type { WriteOperation } from '../../admission/admission-request.js';
import type { CounterDelta, ExceededCounter } from '../../storage/store.js';

/** A change that is about to be committed, as it will be stored. */
export interface MeteredChange {
  /** Storage resource. */
  readonly resource: string;
  readonly operation: WriteOperation;
  /** '' for the main resource. */
  readonly subresource: string;
  readonly namespace: string;
  /** Undefined when the object is removed. */
  readonly object: KubeObject | undefined;
  /** Undefined on create. Frozen. */
  readonly old: KubeObject | undefined;
}

/**
 * Counts what writes use. It sees each change once everything else about it is decided, so that nothing is counted which is not
 * stored, and its counters are part of the same commit.
 */
export interface WriteMeter {
  /** What the change adds to counters; undefined: nothing. */
  charge(change: MeteredChange): readonly CounterDelta[] | undefined;
  /** What the client is told when limits stand against the change; undefined: the counters are not this meter's. */
  exceeded(counters: readonly ExceededCounter[], change: MeteredChange): StatusError | undefined;
  /** The change is committed with these deltas. */
  charged(deltas: readonly CounterDelta[]): void;
  /** Called before a read that wants the newest state; resolves when objects that show counters show what they are now. */
  settled(storageResource: string, namespace: string): Promise<void> | undefined;
}
