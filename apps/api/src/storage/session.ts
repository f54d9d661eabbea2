import pg from 'pg';

export interface SessionOptions {
  connection: pg.ClientConfig;
  /** Shows in pg_stat_activity. */
  name: string;
  /** Runs on each new connection before anything else does; a failure drops the connection. */
  prepare(client: pg.Client): Promise<void>;
  /** The connection was lost after it had been prepared. */
  lost?(): void;
}

/** Milliseconds that a query may take before its connection counts as dead: a host may vanish without a word. */
const QUERY_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;

/** One connection to PostgreSQL that is made again when it is lost. Queries run one after another. */
export class Session {
  private client: pg.Client | undefined;
  private connecting: Promise<pg.Client> | undefined;
  private closed = false;

  constructor(private readonly options: SessionOptions) {}

  get connected(): boolean {
    return this.client !== undefined;
  }

  /** The connection, made if need be. One attempt: the caller decides on another. */
  acquire(): Promise<pg.Client> {
    if (this.closed) return Promise.reject(new Error('the store is closed'));
    if (this.client) return Promise.resolve(this.client);
    this.connecting ??= this.connect().finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  }

  async query(text: string, values?: unknown[]): Promise<pg.QueryResult> {
    return this.run({ text, values });
  }

  /** Any failure but an error that PostgreSQL itself reports drops the connection. */
  async run(query: pg.QueryConfig): Promise<pg.QueryResult> {
    const client = await this.acquire();
    try {
      return await client.query(query);
    } catch (error) {
      if (!isStatementError(error)) this.drop(client);
      throw error;
    }
  }

  /** Ends a connection whose state is not known. */
  drop(client: pg.Client): void {
    destroy(client);
    this.forget(client);
  }

  async close(): Promise<void> {
    this.closed = true;
    const client = this.client ?? (await this.connecting?.catch(() => undefined));
    this.client = undefined;
    if (!client) return;
    // A peer that vanished never closes its end.
    const patience = setTimeout(() => destroy(client), CLOSE_TIMEOUT_MS);
    await client.end().catch(() => {});
    clearTimeout(patience);
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      ...this.options.connection,
      application_name: `berth ${this.options.name}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    });
    let failure: Error | undefined;
    client.on('error', (error) => {
      failure = error;
      this.forget(client);
    });
    client.on('end', () => {
      failure ??= new Error('connection ended');
      this.forget(client);
    });
    try {
      await client.connect();
      await this.options.prepare(client);
      if (failure) throw failure;
      if (this.closed) throw new Error('the store is closed');
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    this.client = client;
    return client;
  }

  private forget(client: pg.Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.options.lost?.();
  }
}

function destroy(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/** An error of the statement alone: its transaction is rolled back, and the connection goes on. */
export function isStatementError(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR';
}

/** One line on why PostgreSQL does not serve. */
export function explain(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return (message || code || String(error)).split('\n')[0]!;
}
