import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STORE_LOCK } from '../advisory-locks.js';

/** The functions on the write path. */
export class Commit1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COMMIT_BATCH);
    await runner.query(RESOLVE_BATCH);
    await runner.query(ADOPT_SERVER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION berth.commit_batch, berth.resolve_batch, berth.adopt_server');
  }
}

/**
 * One group commit. Entry i of the arrays is a write (1 create, 2 update, 3 delete) or a guard (4 exists, 5 absent,
 * 6 at a revision) of set p_set[i]; its body is the slice of p_bodies at p_start[i], 1-based. Sets of one batch share no
 * object that one of them writes (the queue sees to it), so that one snapshot, taken after the lock, judges them all.
 * Writes of the sets without a failed entry get the revisions base + 1, base + 2, ... in order.
 *
 * The lock comes first and in a statement of its own: a volatile function in a read committed transaction takes a new snapshot
 * for each statement, so everything below sees every earlier commit.
 */
const COMMIT_BATCH = `
CREATE FUNCTION berth.commit_batch(
  p_replica text, p_batch uuid, p_bodies bytea,
  p_set int[], p_op int[], p_resource text[], p_namespace text[], p_name text[], p_uid text[], p_revision bigint[],
  p_start int[], p_length int[],
  OUT base bigint, OUT failed int[], OUT reasons int[])
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
DECLARE
  v_compacted bigint;
  v_failed_sets int[] := '{}';
  v_expected int;
  v_written int;
BEGIN
  PERFORM pg_advisory_xact_lock(${STORE_LOCK});
  IF EXISTS (SELECT FROM berth.voided_batch v WHERE v.id = p_batch) THEN
    RAISE EXCEPTION 'batch % was declared lost', p_batch USING ERRCODE = 'BT001';
  END IF;
  SELECT r.value INTO STRICT base FROM berth.revision r WHERE r.name = 'current';
  SELECT r.value INTO STRICT v_compacted FROM berth.revision r WHERE r.name = 'compacted';

  -- Reasons: 1 exists, 2 missing, 3 conflict.
  SELECT coalesce(array_agg(f.entry), '{}'), coalesce(array_agg(f.reason), '{}'), coalesce(array_agg(f.set), '{}')
    INTO failed, reasons, v_failed_sets
    FROM (
      SELECT e.entry::int AS entry, e.set,
             CASE WHEN e.op IN (1, 5) THEN CASE WHEN o.name IS NOT NULL THEN 1 END
                  WHEN o.name IS NULL THEN 2
                  WHEN e.uid <> '' AND o.uid <> e.uid THEN 3
                  WHEN e.op <> 4 AND o.revision <> e.revision THEN 3
             END AS reason
        FROM unnest(p_set, p_op, p_resource, p_namespace, p_name, p_uid, p_revision)
             WITH ORDINALITY AS e(set, op, resource, namespace, name, uid, revision, entry)
        LEFT JOIN berth.object o
          ON o.resource = e.resource AND o.namespace = e.namespace AND o.name = e.name
    ) f
   WHERE f.reason IS NOT NULL;

  SELECT count(*) INTO v_expected FROM unnest(p_set, p_op) AS e(set, op)
   WHERE e.op <= 3 AND e.set <> ALL (v_failed_sets);
  IF v_expected = 0 THEN
    RETURN;
  END IF;

  WITH accepted AS MATERIALIZED (
    SELECT e.*, base + row_number() OVER (ORDER BY e.entry) AS new_revision
      FROM unnest(p_set, p_op, p_resource, p_namespace, p_name, p_uid, p_revision, p_start, p_length)
           WITH ORDINALITY AS e(set, op, resource, namespace, name, uid, revision, start, length, entry)
     WHERE e.op <= 3 AND e.set <> ALL (v_failed_sets)
  ), created AS (
    INSERT INTO berth.object (resource, namespace, name, uid, revision, body)
    SELECT a.resource, a.namespace, a.name, a.uid, a.new_revision, substring(p_bodies FROM a.start FOR a.length)
      FROM accepted a WHERE a.op = 1
    RETURNING 1
  ), updated AS (
    UPDATE berth.object o SET revision = a.new_revision, body = substring(p_bodies FROM a.start FOR a.length)
      FROM accepted a
     WHERE a.op = 2 AND o.resource = a.resource AND o.namespace = a.namespace AND o.name = a.name
    RETURNING 1
  ), deleted AS (
    DELETE FROM berth.object o USING accepted a
     WHERE a.op = 3 AND o.resource = a.resource AND o.namespace = a.namespace AND o.name = a.name
    RETURNING 1
  ), logged AS (
    INSERT INTO berth.change (revision, type, resource, namespace, name, uid, previous, before, body, batch, at)
    SELECT a.new_revision, a.op, a.resource, a.namespace, a.name, a.uid, CASE WHEN a.op = 1 THEN 0 ELSE a.revision END,
           CASE WHEN a.op > 1 AND a.revision <= v_compacted THEN
             (SELECT o.body FROM berth.object o
               WHERE o.resource = a.resource AND o.namespace = a.namespace AND o.name = a.name)
           END,
           substring(p_bodies FROM a.start FOR a.length), p_batch, clock_timestamp()
      FROM accepted a
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM created) + (SELECT count(*) FROM updated) + (SELECT count(*) FROM deleted) INTO v_written;
  IF v_written <> v_expected THEN
    RAISE EXCEPTION 'batch % wrote % objects, not %: its sets overlap', p_batch, v_written, v_expected;
  END IF;

  UPDATE berth.revision SET value = base + v_expected WHERE name = 'current';
  PERFORM pg_notify('berth_change', p_replica);
END
$$`;

/**
 * Settles a batch whose answer was lost. The lock waits for its transaction to end, if it is still under way; then either its
 * rows are in the log, or its id is voided, so that a copy that is still on its way to the server cannot commit later.
 */
const RESOLVE_BATCH = `
CREATE FUNCTION berth.resolve_batch(p_batch uuid, p_after bigint)
RETURNS TABLE (revision bigint, resource text, namespace text, name text)
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(${STORE_LOCK});
  RETURN QUERY
    SELECT c.revision, c.resource, c.namespace, c.name FROM berth.change c
     WHERE c.revision > p_after AND c.batch = p_batch ORDER BY c.revision;
  IF NOT FOUND THEN
    INSERT INTO berth.voided_batch (id) VALUES (p_batch) ON CONFLICT DO NOTHING;
  END IF;
END
$$`;

/**
 * Called on each new writing connection. Another server or another timeline than the revisions were last given out on (a restore,
 * a failover), or a revision behind what a replica has already seen, means that commits may be lost and that their revisions
 * would be given out again: the counter jumps ahead, and the watch log ends, so that every watcher and replica reads anew.
 */
const ADOPT_SERVER = `
CREATE FUNCTION berth.adopt_server(p_known bigint, OUT current_revision bigint, OUT jumped boolean)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  v_system text;
  v_timeline text := substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8);
  v_stored berth.server_identity;
BEGIN
  SELECT s.system_identifier::text INTO v_system FROM pg_control_system() s;
  PERFORM pg_advisory_xact_lock(${STORE_LOCK});
  SELECT r.value INTO STRICT current_revision FROM berth.revision r WHERE r.name = 'current';
  SELECT i.* INTO v_stored FROM berth.server_identity i;
  IF NOT FOUND THEN
    INSERT INTO berth.server_identity (system, timeline) VALUES (v_system, v_timeline);
    v_stored.system := v_system;
    v_stored.timeline := v_timeline;
  END IF;
  jumped := current_revision < p_known OR v_stored.system <> v_system OR v_stored.timeline <> v_timeline;
  IF jumped THEN
    current_revision := greatest(current_revision, p_known) + 1000000;
    UPDATE berth.revision SET value = current_revision WHERE name IN ('current', 'compacted');
    UPDATE berth.server_identity SET system = v_system, timeline = v_timeline;
    PERFORM pg_notify('berth_change', '');
  END IF;
END
$$`;
