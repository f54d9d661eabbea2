import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The log: one row a write. Rows above the revision `compacted` are the watch log; rows of lasting resources stay for a day,
 * which is what the view `history` shows.
 */
@Entity({ schema: 'berth', name: 'change' })
@Index('change_object', ['name', 'namespace', 'resource'])
export class Change {
  @PrimaryColumn({ type: 'bigint' })
  revision!: string;

  /** 1 added, 2 modified, 3 deleted. */
  @Column({ type: 'smallint' })
  type!: number;

  @Column({ type: 'text', collation: 'C' })
  resource!: string;

  @Column({ type: 'text', collation: 'C' })
  namespace!: string;

  @Column({ type: 'text', collation: 'C' })
  name!: string;

  @Column({ type: 'text', collation: 'C' })
  uid!: string;

  /** Revision of the version before; 0 when added. */
  @Column({ type: 'bigint' })
  previous!: string;

  /** The version before, kept here only when its own row was no longer in the watch log. */
  @Column({ type: 'bytea', nullable: true })
  before!: Buffer | null;

  @Column({ type: 'bytea' })
  body!: Buffer;

  /** Id of the commit batch: how a commit of unknown outcome is found again. */
  @Column({ type: 'uuid' })
  batch!: string;

  @Column({ type: 'timestamptz' })
  at!: Date;
}
