import type { ColdDatabase } from './data-source.js';
import type { ObjectKey, Revision } from './store.js';

export interface HistoryQuery {
  key: ObjectKey;
  /** Only versions before this revision. */
  before?: Revision;
  /** Only versions from this time on. */
  since?: Date;
  limit: number;
}

/** One version of an object, as the log has it. */
export interface ObjectVersion {
  revision: Revision;
  at: Date;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  uid: string;
  /** Revision of the version before. */
  previous: Revision | undefined;
  /** Null when what is stored is not JSON. */
  object: object | null;
}

/** The versions that an object had within the last day. Leases and Events have none. */
export class History {
  constructor(private readonly database: ColdDatabase) {}

  /** The newest first. */
  async versions({ key, before, since, limit }: HistoryQuery): Promise<ObjectVersion[]> {
    const { resource, namespace, name } = key;
    const rows = await this.database.use(async (manager) => {
      // TypeORM is loaded by now.
      const [{ LessThan, MoreThanOrEqual }, { HistoryRow }] = await Promise.all([
        import('typeorm'),
        import('./entities/history-row.entity.js'),
      ]);
      const older = before === undefined ? {} : { revision: LessThan(String(before)) };
      const newer = since === undefined ? {} : { at: MoreThanOrEqual(since) };
      return manager.find(HistoryRow, {
        where: { resource, namespace, name, ...older, ...newer },
        order: { revision: 'DESC' },
        take: limit,
      });
    });
    return rows.map(({ revision, at, type, uid, previous, object }) => ({
      revision: Number(revision),
      at,
      type,
      uid,
      previous: previous === null ? undefined : Number(previous),
      object,
    }));
  }
}
