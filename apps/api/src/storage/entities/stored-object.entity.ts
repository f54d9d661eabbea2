import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The present: one row an object. */
@Entity({ schema: 'berth', name: 'object' })
export class StoredObject {
  @PrimaryColumn({ type: 'text', collation: 'C' })
  resource!: string;

  @PrimaryColumn({ type: 'text', collation: 'C' })
  namespace!: string;

  @PrimaryColumn({ type: 'text', collation: 'C' })
  name!: string;

  @Column({ type: 'text', collation: 'C' })
  uid!: string;

  /** Revision of the last write. */
  @Column({ type: 'bigint' })
  revision!: string;

  /** Serialized JSON of the stored version, without resourceVersion. */
  @Column({ type: 'bytea' })
  body!: Buffer;
}
