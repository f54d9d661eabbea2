import type { KubeObject } from '#apimachinery';
import type { Clock } from './clock.js';

/** After this long unfulfilled expectations are given up: an event was missed, the informer's state is the truth. */
const EXPECTATIONS_TIMEOUT = 300_000;

interface Expectation {
  creations: number;
  deletions: Set<string>;
  at: number;
}

/**
 * What a control loop has done but its informer has not shown yet. While something is outstanding for a key, counting
 * the informer's objects would be wrong: the loop must not create or delete for it.
 */
export class Expectations {
  private readonly entries = new Map<string, Expectation>();

  constructor(private readonly clock: Clock) {}

  /**
   * What a loop is about to do for the key: creations by their number, deletions by ids, each of which is observed once, however
   * often it is shown.
   */
  expect(key: string, creations: number, ids: Iterable<string>): void {
    this.entries.set(key, { creations, deletions: new Set(ids), at: this.clock.now() });
  }

  /** The informer showed a creation, or a creation failed. */
  creationObserved(key: string): void {
    const entry = this.entries.get(key);
    if (entry && entry.creations > 0) entry.creations--;
  }

  deletionObserved(key: string, id: string): void {
    this.entries.get(key)?.deletions.delete(id);
  }

  /** Nothing is outstanding, or it has been for too long. */
  satisfied(key: string): boolean {
    const entry = this.entries.get(key);
    if (!entry) return true;
    return (entry.creations <= 0 && entry.deletions.size === 0) || this.clock.now() - entry.at > EXPECTATIONS_TIMEOUT;
  }

  forget(key: string): void {
    this.entries.delete(key);
  }
}

/**
 * The newest revisions that a control loop has written for a key. Until its informer has come that far the loop would
 * decide on a past world. Resource versions of one resource compare as integers.
 */
export class WrittenRevisions {
  private readonly written = new Map<string, bigint>();

  wrote(key: string, object: KubeObject): void {
    const revision = BigInt(object.metadata.resourceVersion ?? 0);
    if (revision > (this.written.get(key) ?? 0n)) this.written.set(key, revision);
  }

  /** Has the informer seen everything that was written for the key? */
  seenBy(key: string, informer: { readonly resourceVersion: string }): boolean {
    const written = this.written.get(key);
    if (written === undefined) return true;
    if (BigInt(informer.resourceVersion || 0) < written) return false;
    this.written.delete(key);
    return true;
  }

  forget(key: string): void {
    this.written.delete(key);
  }
}
