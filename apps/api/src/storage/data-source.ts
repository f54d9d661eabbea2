import type pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { loadTypeOrm } from './load-typeorm.js';

/** Name of TypeORM's table of the migrations that have run. */
export const MIGRATION_TABLE = 'migration';

/** Milliseconds after which a connection that nobody uses is closed. */
const IDLE_MS = 10_000;
/** Milliseconds for a query that is no migration: a database that is away must not hold up the end of the process. */
const QUERY_MS = 60_000;

/**
 * A data source over all entities and migrations. TypeORM is loaded here, and only when something asks for it.
 * @param queryMs after which a query fails; migrations take as long as they take.
 */
export async function openDataSource(connection: pg.ClientConfig, queryMs?: number): Promise<DataSource> {
  const { DataSource } = await loadTypeOrm();
  const [{ entities }, { migrations }] = await Promise.all([
    import('./entities/index.js'),
    import('./migrations/index.js'),
  ]);
  const source = new DataSource({
    type: 'postgres',
    entities,
    migrations,
    migrationsTableName: MIGRATION_TABLE,
    migrationsTransactionMode: 'all',
    schema: 'berth',
    installExtensions: false,
    applicationName: 'berth background',
    connectTimeoutMS: 5_000,
    // Whoever uses the connection is told by its query.
    poolErrorHandler: () => {},
    // node-postgres reads the rest: sockets, TLS.
    extra: {
      ...connection,
      query_timeout: queryMs,
      max: 2,
      idleTimeoutMillis: IDLE_MS,
      keepAlive: true,
      allowExitOnIdle: true,
    },
  });
  return source.initialize();
}

/**
 * The entities, for what is not on the path of a request: compaction, history. A connection that is lost, or that nobody used for a
 * while, is no more than one that the next use has to make.
 */
export class ColdDatabase {
  private source: Promise<DataSource> | undefined;

  constructor(private readonly connection: pg.ClientConfig) {}

  /** All queries of one use have the same connection, so that it may hold session locks. */
  async use<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    this.source ??= openDataSource(this.connection, QUERY_MS).catch((error) => {
      this.source = undefined;
      throw error;
    });
    const runner = (await this.source).createQueryRunner();
    try {
      return await work(runner.manager);
    } finally {
      await runner.release();
    }
  }

  async close(): Promise<void> {
    const source = await this.source?.catch(() => undefined);
    if (source?.isInitialized) await source.destroy();
  }
}
