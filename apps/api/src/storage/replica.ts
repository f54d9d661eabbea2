import type pg from 'pg';
import { CacheEntry, type LineType, type ResourceFields, renderBytes } from './cached-object.js';
import type { AcceptedWrite } from './commit-batch.js';
import { RingEvent } from './event-ring.js';
import type { Session } from './session.js';
import type { Revision } from './store.js';
import { type CacheHost, type CacheLimits, type Change, cacheKey, ObjectCache } from './watch-cache.js';

const TYPES: LineType[] = ['ADDED', 'ADDED', 'MODIFIED', 'DELETED'];
const OPERATION_TYPE = { create: 'ADDED', update: 'MODIFIED', delete: 'DELETED' } as const;

/** Rows of the log, or objects, that are read at a time. */
const LOG_PAGE = 1000;
const LOAD_PAGE = 2000;

export interface ReplicaOptions {
  /** Reads the log. */
  reader: Session;
  /** A connection of its own for a long reading. */
  connect(): Promise<pg.Client>;
  limits: CacheLimits;
  fieldValue(resource: string, object: any, label: string): string;
  log(message: string): void;
}

/** This process's copy of the state: the caches, moved forward one revision after the other. */
export class Replica implements CacheHost {
  private caches = new Map<string, ObjectCache>();
  private applied: Revision = 0;
  private compacted: Revision = 0;
  private reading: Promise<void> | undefined;
  private nextReading: Promise<void> | undefined;
  private reloading: Promise<void> | undefined;
  private generation = 0;

  constructor(private readonly options: ReplicaOptions) {}

  currentRevision(): Revision {
    return this.applied;
  }

  compactedRevision(): Revision {
    return this.compacted;
  }

  setCompacted(revision: Revision): void {
    if (revision > this.compacted) this.compacted = revision;
  }

  now(): number {
    return Date.now();
  }

  cache(resource: string): ObjectCache {
    let cache = this.caches.get(resource);
    if (!cache) {
      const { fieldValue, limits } = this.options;
      const fields: ResourceFields = { resource, fieldValue: (object, label) => fieldValue(resource, object, label) };
      cache = new ObjectCache(fields, this, limits);
      this.caches.set(resource, cache);
    }
    return cache;
  }

  forget(resource: string): void {
    const cache = this.caches.get(resource);
    if (cache === undefined || cache.size > 0) return;
    this.caches.delete(resource);
    cache.close(this.applied);
  }

  /** Takes in this replica's own commit; what others committed before it is read from the log first. */
  async applyOwn(base: Revision, accepted: AcceptedWrite[]): Promise<void> {
    await this.reloading;
    await this.catchUpTo(base);
    if (this.applied !== base) {
      // The log was read past `base` meanwhile.
      return this.catchUpTo(accepted[accepted.length - 1]!.revision);
    }
    this.applyAll(
      accepted.map(({ write, revision }) => ({
        resource: write.key.resource,
        type: OPERATION_TYPE[write.op],
        namespace: write.key.namespace,
        name: write.key.name,
        uid: write.uid,
        revision,
        body: write.body,
        object: write.op === 'delete' ? undefined : write.object,
      })),
    );
  }

  /** Takes in everything that was committed before the call. Calls made while the log is read share the next reading. */
  catchUp(): Promise<void> {
    if (!this.reading) {
      this.reading = this.readToEnd().finally(() => {
        this.reading = undefined;
      });
      return this.reading;
    }
    this.nextReading ??= this.reading
      .catch(() => {})
      .then(() => {
        this.nextReading = undefined;
        return this.catchUp();
      });
    return this.nextReading;
  }

  /** Takes in everything up to a revision that is known to be committed. */
  async catchUpTo(revision: Revision): Promise<void> {
    while (this.applied < revision) await (this.reading ?? this.catchUp());
  }

  /** PostgreSQL's revision now. */
  async databaseRevision(): Promise<Revision> {
    const { rows } = await this.options.reader.query(`SELECT value FROM berth.revision WHERE name = 'current'`);
    return Number(rows[0].value);
  }

  /** Reads everything anew: at the start, and when the log cannot tell what happened since. Watches expire. */
  reload(): Promise<void> {
    this.reloading ??= this.load().finally(() => {
      this.reloading = undefined;
    });
    return this.reloading;
  }

  async readLog(cache: ObjectCache, from: Revision, to: Revision, limit: number): Promise<RingEvent[] | undefined> {
    const { reader } = this.options;
    const { rows } = await reader.run({
      name: 'read-log',
      text: `SELECT c.revision, c.type, c.namespace, c.name, c.uid, c.body, c.previous,
                    coalesce(c.before, p.body) AS before
               FROM berth.change c LEFT JOIN berth.change p ON c.previous > 0 AND p.revision = c.previous
              WHERE c.resource = $1 AND c.revision > $2 AND c.revision <= $3 ORDER BY c.revision LIMIT ${limit}`,
      values: [cache.resource, from, to],
    });
    // Asked after the rows: what was deleted before they were read is counted in.
    const { rows: marks } = await reader.query(`SELECT value FROM berth.revision WHERE name = 'compacted'`);
    this.setCompacted(Number(marks[0].value));
    if (from < this.compacted) return undefined;
    const now = this.now();
    return rows.map((row) => {
      const revision = Number(row.revision);
      const previous = Number(row.previous);
      const entry = new CacheEntry(
        cache.fields,
        row.namespace,
        row.name,
        row.uid,
        revision,
        renderBytes(row.body, revision),
      );
      const before = row.before
        ? new CacheEntry(cache.fields, row.namespace, row.name, row.uid, previous, renderBytes(row.before, previous))
        : undefined;
      return new RingEvent(TYPES[row.type]!, entry, before, now, undefined);
    });
  }

  prune(): void {
    const now = this.now();
    for (const cache of this.caches.values()) cache.prune(now);
  }

  private async readToEnd(): Promise<void> {
    for (;;) {
      await this.reloading;
      const { generation } = this;
      const { rows } = await this.options.reader.run({
        name: 'read-changes',
        text: `SELECT revision, type, resource, namespace, name, uid, body FROM berth.change
                WHERE revision > $1 ORDER BY revision LIMIT ${LOG_PAGE}`,
        values: [this.applied],
      });
      if (this.reloading || generation !== this.generation) continue;
      const changes: (Change & { resource: string })[] = [];
      let next = this.applied + 1;
      for (const row of rows) {
        const revision = Number(row.revision);
        if (revision < next) continue;
        if (revision > next) return await this.lostTrack(`the log goes on at ${revision}`);
        next++;
        const { resource, namespace, name, uid, body } = row;
        changes.push({ resource, type: TYPES[row.type]!, namespace, name, uid, revision, body });
      }
      this.applyAll(changes);
      if (rows.length < LOG_PAGE) {
        if (rows.length === 0 && (await this.isBehindEmptyLog())) return await this.lostTrack('the log is empty');
        return;
      }
    }
  }

  /** No rows, and yet the database is at another revision: compaction was faster, or the revision has jumped. */
  private async isBehindEmptyLog(): Promise<boolean> {
    const { applied } = this;
    const { rows } = await this.options.reader.query(
      `SELECT value, EXISTS (SELECT FROM berth.change WHERE revision > $1) AS more
         FROM berth.revision WHERE name = 'current'`,
      [applied],
    );
    return applied === this.applied && Number(rows[0].value) !== applied && !rows[0].more;
  }

  private async lostTrack(reason: string): Promise<void> {
    this.options.log(`reading all objects again: this replica is at revision ${this.applied}, ${reason}`);
    await this.reload();
  }

  private applyAll(changes: (Change & { resource: string })[]): void {
    if (changes.length === 0) return;
    const before = this.applied;
    const touched = changes.map((change) => {
      const cache = this.cache(change.resource);
      const position = cache.ring.end;
      cache.apply(change);
      return { cache, position };
    });
    this.applied = changes[changes.length - 1]!.revision;
    for (const { cache, position } of touched) {
      const event = cache.ring.at(position);
      if (event) cache.waiting.announce(event, position);
      else cache.waiting.wakeAll(before);
    }
  }

  private async load(): Promise<void> {
    const client = await this.options.connect();
    const loaded = new Map<string, Map<string, CacheEntry>>();
    const namespaces = new Map<string, string>();
    let marks: { current: string; compacted: string };
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const { rows: values } = await client.query(
        `SELECT (SELECT value FROM berth.revision WHERE name = 'current') AS current,
                (SELECT value FROM berth.revision WHERE name = 'compacted') AS compacted`,
      );
      marks = values[0];
      await client.query(
        'DECLARE objects NO SCROLL CURSOR FOR SELECT resource, namespace, name, uid, revision, body FROM berth.object',
      );
      for (;;) {
        const { rows } = await client.query(`FETCH ${LOAD_PAGE} FROM objects`);
        for (const row of rows) {
          let entries = loaded.get(row.resource);
          if (!entries) loaded.set(row.resource, (entries = new Map()));
          let namespace = namespaces.get(row.namespace);
          if (namespace === undefined) namespaces.set((namespace = row.namespace as string), namespace);
          const revision = Number(row.revision);
          const { fields } = this.cache(row.resource);
          entries.set(
            cacheKey(namespace, row.name),
            new CacheEntry(fields, namespace, row.name, row.uid, revision, renderBytes(row.body, revision)),
          );
        }
        if (rows.length < LOAD_PAGE) break;
      }
      await client.query('COMMIT');
    } finally {
      await client.end().catch(() => {});
    }
    this.generation++;
    this.applied = Number(marks.current);
    this.compacted = Number(marks.compacted);
    for (const [resource, cache] of this.caches) cache.reset(loaded.get(resource) ?? new Map(), this.applied);
  }
}
