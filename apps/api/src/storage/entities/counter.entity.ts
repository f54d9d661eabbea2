import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A sum with a limit that write sets change. The limit comes with each write. */
@Entity({ schema: 'berth', name: 'counter' })
export class Counter {
  @PrimaryColumn({ type: 'text', collation: 'C' })
  namespace!: string;

  @PrimaryColumn({ type: 'text', collation: 'C' })
  name!: string;

  @Column({ type: 'bigint' })
  value!: string;
}
