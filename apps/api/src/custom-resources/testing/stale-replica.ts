import pg from 'pg';
import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import type { TestServer } from '#testing';

/** Commits in the name of a replica that needs no notice of what it committed itself: its cache is behind until something else wakes it. */
export class StaleReplica {
  private constructor(
    private readonly database: pg.Client,
    private readonly replica: string,
  ) {}

  static async of(server: TestServer, databaseUrl: string): Promise<StaleReplica> {
    const database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
    const named = new Promise<string>((resolve) => {
      database.on('notification', ({ payload }) => resolve(payload!));
    });
    await database.query('LISTEN berth_change');
    const data = { value: '1' };
    const metadata = { name: 'named' };
    await server.client().create(gvr.configmaps, 'default', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    return new StaleReplica(database, await named);
  }

  async close(): Promise<void> {
    await this.database.end();
  }

  /** Writes a cluster-scoped object that is there. */
  update(resource: string, object: KubeObject): Promise<void> {
    return this.commit(2, resource, object);
  }

  delete(resource: string, object: KubeObject): Promise<void> {
    return this.commit(3, resource, object);
  }

  /** The stored state of an object; undefined: there is none. */
  async stored(resource: string, name: string): Promise<any> {
    const query = 'SELECT body FROM berth.object WHERE resource = $1 AND name = $2';
    const { rows } = await this.database.query(query, [resource, name]);
    return rows[0] && JSON.parse(rows[0].body.toString());
  }

  private async commit(op: 2 | 3, resource: string, object: KubeObject): Promise<void> {
    const { apiVersion, kind, metadata, ...rest } = object;
    const { name, uid } = metadata;
    const stored = { apiVersion, kind, metadata: { ...metadata, resourceVersion: undefined }, ...rest };
    const body = Buffer.from(JSON.stringify(stored));
    const { rows } = await this.database.query(
      `SELECT failed FROM berth.commit_batch($1, gen_random_uuid(), $2, '{0}', $3, $4, '{""}', $5, $6, $7, '{1}', $8)`,
      [this.replica, body, [op], [resource], [name], [uid], [Number(metadata.resourceVersion)], [body.length]],
    );
    if (rows[0].failed.length > 0) throw new Error(`${name} was written meanwhile`);
  }
}
