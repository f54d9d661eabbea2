import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The tables. Bodies up to a page stay in their row, uncompressed: moving 2 KB bodies out of line, or pglz over each of them,
 * costs more than the write itself. Names sort by bytes whatever the database's collation.
 */
export class Tables1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE berth.object, berth.change, berth.revision, berth.tick, berth.voided_batch');
    await runner.query('DROP TABLE berth.server_identity');
  }
}

const HOT = 'autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0';

const STATEMENTS = [
  `CREATE TABLE berth.object (
     resource text COLLATE "C" NOT NULL,
     namespace text COLLATE "C" NOT NULL,
     name text COLLATE "C" NOT NULL,
     uid text COLLATE "C" NOT NULL,
     revision bigint NOT NULL,
     body bytea NOT NULL,
     PRIMARY KEY (resource, namespace, name)
   ) WITH (fillfactor = 80, toast_tuple_target = 8160, ${HOT})`,
  `CREATE TABLE berth.change (
     revision bigint PRIMARY KEY,
     type smallint NOT NULL,
     resource text COLLATE "C" NOT NULL,
     namespace text COLLATE "C" NOT NULL,
     name text COLLATE "C" NOT NULL,
     uid text COLLATE "C" NOT NULL,
     previous bigint NOT NULL,
     before bytea,
     body bytea NOT NULL,
     batch uuid NOT NULL,
     at timestamptz NOT NULL
   ) WITH (toast_tuple_target = 8160, ${HOT})`,
  'ALTER TABLE berth.object ALTER body SET STORAGE EXTERNAL',
  'ALTER TABLE berth.change ALTER body SET STORAGE EXTERNAL, ALTER before SET STORAGE EXTERNAL',
  `CREATE INDEX change_object ON berth.change (name, namespace, resource)`,
  `CREATE TABLE berth.revision (name text COLLATE "C" PRIMARY KEY, value bigint NOT NULL)
     WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000)`,
  `INSERT INTO berth.revision VALUES ('current', 1), ('compacted', 0), ('trimmed', 0), ('purged', 0)`,
  `CREATE TABLE berth.tick (at timestamptz PRIMARY KEY, revision bigint NOT NULL)`,
  `CREATE TABLE berth.voided_batch (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
  `CREATE TABLE berth.server_identity (
     "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
     system text NOT NULL,
     timeline text NOT NULL
   )`,
];
