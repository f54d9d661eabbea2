import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STORE_LOCK } from '../advisory-locks.js';

/** The functions on the write path; they replace those of an earlier version. */
export class Commit1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COMMIT_BATCH);
    await runner.query(COMMIT_UPDATE);
    await runner.query(RESOLVE_BATCH);
    await runner.query(ADOPT_SERVER);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP FUNCTION berth.commit_batch, berth.commit_update, berth.resolve_batch, berth.adopt_server',
    );
  }
}

/** The tables grow while plans are kept: what is looked up by key today is looked up by key for ever. */
const INDEX_PLANS = `SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off`;

/**
 * One group commit. Entry i of the arrays is a write (1 create, 2 update, 3 delete) or a guard (4 exists, 5 absent,
 * 6 at a revision) of set p_set[i]; writes come before guards, and the body of a write is the slice of p_bodies at p_start[i],
 * 1-based. Sets of one batch share no object that one of them writes (the queue sees to it), so that one snapshot, taken after
 * the lock, judges them all. Writes of the sets without a failed entry get the revisions base + 1, base + 2, ... in order.
 * Other replicas are notified unless p_replica is null.
 *
 * The lock comes first and in a statement of its own: a volatile function in a read committed transaction takes a new snapshot
 * for each statement, so everything below sees every earlier commit.
 *
 * One small statement for each kind of write, run only when there is one: setting up the plan of a single statement that does all
 * of them costs more than the writes of a small batch.
 */
const COMMIT_BATCH = `
CREATE OR REPLACE FUNCTION berth.commit_batch(
  p_replica text, p_batch uuid, p_bodies bytea,
  p_set int[], p_op int[], p_resource text[], p_namespace text[], p_name text[], p_uid text[], p_revision bigint[],
  p_start int[], p_length int[],
  OUT base bigint, OUT failed int[], OUT reasons int[])
LANGUAGE plpgsql VOLATILE
${INDEX_PLANS}
AS $$
DECLARE
  v_compacted bigint;
  v_voided boolean;
  v_failed_sets int[];
  v_logged int;
  v_rows int;
  v_written int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(${STORE_LOCK});
  SELECT c.value, k.value, EXISTS (SELECT FROM berth.voided_batch v WHERE v.id = p_batch)
    INTO STRICT base, v_compacted, v_voided
    FROM berth.revision c, berth.revision k WHERE c.name = 'current' AND k.name = 'compacted';
  IF v_voided THEN
    RAISE EXCEPTION 'batch % was declared lost', p_batch USING ERRCODE = 'BT001';
  END IF;

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
  IF failed <> '{}' THEN
    SELECT array_agg(e.op), array_agg(e.resource), array_agg(e.namespace), array_agg(e.name), array_agg(e.uid),
           array_agg(e.revision), array_agg(e.start), array_agg(e.length)
      INTO p_op, p_resource, p_namespace, p_name, p_uid, p_revision, p_start, p_length
      FROM unnest(p_set, p_op, p_resource, p_namespace, p_name, p_uid, p_revision, p_start, p_length)
           AS e(set, op, resource, namespace, name, uid, revision, start, length)
     WHERE e.set <> ALL (v_failed_sets);
  END IF;

  INSERT INTO berth.change (revision, type, resource, namespace, name, uid, previous, before, body, batch, at)
  SELECT base + w.entry, w.op, w.resource, w.namespace, w.name, w.uid, CASE WHEN w.op = 1 THEN 0 ELSE w.revision END,
         CASE WHEN w.op > 1 AND w.revision <= v_compacted THEN
           (SELECT o.body FROM berth.object o
             WHERE o.resource = w.resource AND o.namespace = w.namespace AND o.name = w.name)
         END,
         substring(p_bodies FROM w.start FOR w.length), p_batch, clock_timestamp()
    FROM unnest(p_op, p_resource, p_namespace, p_name, p_uid, p_revision, p_start, p_length)
         WITH ORDINALITY AS w(op, resource, namespace, name, uid, revision, start, length, entry)
   WHERE w.op <= 3;
  GET DIAGNOSTICS v_logged = ROW_COUNT;
  IF v_logged = 0 THEN
    RETURN;
  END IF;

  IF 1 = ANY (p_op) THEN
    INSERT INTO berth.object (resource, namespace, name, uid, revision, body)
    SELECT w.resource, w.namespace, w.name, w.uid, base + w.entry, substring(p_bodies FROM w.start FOR w.length)
      FROM unnest(p_op, p_resource, p_namespace, p_name, p_uid, p_start, p_length)
           WITH ORDINALITY AS w(op, resource, namespace, name, uid, start, length, entry)
     WHERE w.op = 1;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_written := v_written + v_rows;
  END IF;
  IF 2 = ANY (p_op) THEN
    UPDATE berth.object o SET revision = base + w.entry, body = substring(p_bodies FROM w.start FOR w.length)
      FROM unnest(p_op, p_resource, p_namespace, p_name, p_start, p_length)
           WITH ORDINALITY AS w(op, resource, namespace, name, start, length, entry)
     WHERE w.op = 2 AND o.resource = w.resource AND o.namespace = w.namespace AND o.name = w.name;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_written := v_written + v_rows;
  END IF;
  IF 3 = ANY (p_op) THEN
    DELETE FROM berth.object o USING unnest(p_op, p_resource, p_namespace, p_name) AS w(op, resource, namespace, name)
     WHERE w.op = 3 AND o.resource = w.resource AND o.namespace = w.namespace AND o.name = w.name;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_written := v_written + v_rows;
  END IF;
  IF v_written <> v_logged THEN
    RAISE EXCEPTION 'batch % wrote % objects, not %: its sets overlap', p_batch, v_written, v_logged;
  END IF;

  UPDATE berth.revision SET value = base + v_logged WHERE name = 'current';
  IF p_replica IS NOT NULL THEN
    PERFORM pg_notify('berth_change', p_replica);
  END IF;
END
$$`;

/**
 * The batch of one update without guards, by far the most common one while a cluster is calm: the same as commit_batch, in as few and
 * small statements as can be, for half the time.
 */
const COMMIT_UPDATE = `
CREATE OR REPLACE FUNCTION berth.commit_update(
  p_replica text, p_batch uuid, p_resource text, p_namespace text, p_name text, p_uid text, p_revision bigint, p_body bytea,
  OUT base bigint, OUT failed int[], OUT reasons int[])
LANGUAGE plpgsql VOLATILE
${INDEX_PLANS}
AS $$
DECLARE
  v_voided boolean;
  v_revision bigint;
  v_uid text;
  v_before bytea;
BEGIN
  PERFORM pg_advisory_xact_lock(${STORE_LOCK});
  SELECT c.value, EXISTS (SELECT FROM berth.voided_batch v WHERE v.id = p_batch), o.revision, o.uid,
         CASE WHEN o.revision <= k.value THEN o.body END
    INTO STRICT base, v_voided, v_revision, v_uid, v_before
    FROM berth.revision c CROSS JOIN berth.revision k
    LEFT JOIN berth.object o ON o.resource = p_resource AND o.namespace = p_namespace AND o.name = p_name
   WHERE c.name = 'current' AND k.name = 'compacted';
  IF v_voided THEN
    RAISE EXCEPTION 'batch % was declared lost', p_batch USING ERRCODE = 'BT001';
  END IF;
  failed := '{}';
  reasons := '{}';
  IF v_revision IS NULL THEN
    reasons := '{2}';
  ELSIF v_revision <> p_revision OR (p_uid <> '' AND v_uid <> p_uid) THEN
    reasons := '{3}';
  END IF;
  IF reasons <> '{}' THEN
    failed := '{1}';
    RETURN;
  END IF;
  INSERT INTO berth.change (revision, type, resource, namespace, name, uid, previous, before, body, batch, at)
  VALUES (base + 1, 2, p_resource, p_namespace, p_name, p_uid, p_revision, v_before, p_body, p_batch, clock_timestamp());
  UPDATE berth.object SET revision = base + 1, body = p_body
   WHERE resource = p_resource AND namespace = p_namespace AND name = p_name;
  UPDATE berth.revision SET value = base + 1 WHERE name = 'current';
  IF p_replica IS NOT NULL THEN
    PERFORM pg_notify('berth_change', p_replica);
  END IF;
END
$$`;

/**
 * Settles a batch whose answer was lost. The lock waits for its transaction to end, if it is still under way; then either its
 * rows are in the log, or its id is voided, so that a copy that is still on its way to the server cannot commit later.
 */
const RESOLVE_BATCH = `
CREATE OR REPLACE FUNCTION berth.resolve_batch(p_batch uuid, p_after bigint)
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
CREATE OR REPLACE FUNCTION berth.adopt_server(p_known bigint, OUT current_revision bigint, OUT jumped boolean)
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
