import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * Named revisions. `current`: the last commit. `compacted`: the end of what left the watch log. `trimmed`: up to here
 * short-lived resources are deleted from the log. `purged`: up to here everything is. `solo`: no revision, but which replica trusts
 * its cache (membership.ts).
 */
@Entity({ schema: 'berth', name: 'revision' })
export class NamedRevision {
  @PrimaryColumn({ type: 'text', collation: 'C' })
  name!: string;

  @Column({ type: 'bigint' })
  value!: string;
}

/** Which revision was current when: how an age becomes a revision. One row a minute, for a day. */
@Entity({ schema: 'berth', name: 'tick' })
export class Tick {
  @PrimaryColumn({ type: 'timestamptz' })
  at!: Date;

  @Column({ type: 'bigint' })
  revision!: string;
}

/** Ids of batches that were declared not committed: should one arrive late, it is refused. */
@Entity({ schema: 'berth', name: 'voided_batch' })
export class VoidedBatch {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  at!: Date;
}

/** The server that the revisions were given out on. Another one, or another timeline, may have lost commits. */
@Entity({ schema: 'berth', name: 'server_identity' })
@Check('server_identity_only_check', '"only"')
export class ServerIdentity {
  @PrimaryColumn({ type: 'boolean', default: true })
  only!: boolean;

  @Column({ type: 'text' })
  system!: string;

  @Column({ type: 'text' })
  timeline!: string;
}
