import { ViewColumn, ViewEntity } from 'typeorm';

/** A row of the view of the log that people read. The view's SQL is in the migrations. */
@ViewEntity({ schema: 'berth', name: 'history', synchronize: false })
export class HistoryRow {
  @ViewColumn()
  revision!: string;

  @ViewColumn()
  at!: Date;

  @ViewColumn()
  type!: 'ADDED' | 'MODIFIED' | 'DELETED';

  @ViewColumn()
  resource!: string;

  @ViewColumn()
  namespace!: string;

  @ViewColumn()
  name!: string;

  @ViewColumn()
  uid!: string;

  /** Revision of the version before; null when added. */
  @ViewColumn()
  previous!: string | null;

  /** Null for a body that is not JSON. */
  @ViewColumn()
  object!: object | null;
}
