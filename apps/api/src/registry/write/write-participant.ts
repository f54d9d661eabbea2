import type { KubeObject, StatusError } from '#apimachinery';
import type { CounterDelta, ExceededCounter, Guard, ObjectKey, Write } from '../../storage/store.js';

/** What a participant adds to a write set. */
export interface WriteSetPart {
  writes?: readonly Write[];
  guards?: readonly Guard[];
  counters?: readonly CounterDelta[];
}

/** A change of one object, as participants see it. Objects are of the stored version. */
export interface ObjectChange {
  /** Storage resource. */
  readonly resource: string;
  /** Undefined when the object is removed. May be changed: it is validated afterwards. */
  readonly object: KubeObject | undefined;
  /** Undefined on create. Frozen. */
  readonly old: KubeObject | undefined;
}

/**
 * Has a part in the write sets of other objects: a Service's IPAddresses are written with the Service. Everything lands in one write
 * set, so there is nothing to repair afterwards.
 */
export interface WriteParticipant {
  /** Storage resources whose writes it sees; undefined: all. */
  readonly resources?: ReadonlySet<string>;
  /** Sees each create, update and removal, before it is validated. Throws StatusError to refuse. */
  partIn(change: ObjectChange): WriteSetPart | undefined;
  /** True when a commit that failed on this key is worth another `partIn`: somebody else took the number first. */
  retries(key: ObjectKey): boolean;
  /** What the client is told when limits of this participant's counters stand against the write; undefined: they are not its own. */
  exceeded?(counters: readonly ExceededCounter[], change: ObjectChange): StatusError | undefined;
}

/** The participants of each resource, in order. */
export class WriteParticipants {
  private readonly byResource = new Map<string, readonly WriteParticipant[]>();

  constructor(private readonly all: readonly WriteParticipant[]) {}

  of(resource: string): readonly WriteParticipant[] {
    let found = this.byResource.get(resource);
    if (found === undefined) {
      found = this.all.filter(({ resources }) => resources === undefined || resources.has(resource));
      this.byResource.set(resource, found);
    }
    return found;
  }
}
