import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STORE_LOCK } from '../advisory-locks.js';

/** A sum stays within bounds that two of it, and no commit, can exceed: what is beyond them is written as the bound. */
export class BoundedCounters1700000000015 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COMMIT_COUNTED_BATCH);
  }

  /** The function of before does the same for sums within the bounds: it is not brought back. */
  async down(): Promise<void> {}
}

/** 2^61, as `LARGEST_SUM` of the store. */
const BOUND = '2305843009213693952';
const bounded = (sum: string) => `greatest(least(${sum}, ${BOUND}), -${BOUND})`;

/** The function of 1700000000014, with bounded sums. */
const COMMIT_COUNTED_BATCH = `
CREATE OR REPLACE FUNCTION berth.commit_counted_batch(
  p_replica text, p_batch uuid, p_bodies bytea,
  p_set int[], p_op int[], p_resource text[], p_namespace text[], p_name text[], p_uid text[], p_revision bigint[],
  p_start int[], p_length int[],
  p_counted int[], p_counter_namespace text[], p_counter text[], p_delta bigint[], p_limit bigint[],
  OUT base bigint, OUT failed int[], OUT reasons int[], OUT exceeded int[], OUT used bigint[])
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
DECLARE
  v_failed_sets int[];
  v_fits boolean;
  v_first int;
  v_last int := 0;
  v_set int;
  v_over int[];
  v_used bigint[];
BEGIN
  PERFORM pg_advisory_xact_lock(${STORE_LOCK});
  exceeded := '{}';
  used := '{}';
  SELECT NOT EXISTS (
    SELECT FROM (SELECT d.namespace, d.name, sum(d.delta) AS added, min(d.most) AS least
                   FROM unnest(p_counter_namespace, p_counter, p_delta, p_limit) AS d(namespace, name, delta, most)
                  WHERE d.delta > 0
                  GROUP BY d.namespace, d.name) s
      LEFT JOIN berth.counter c ON c.namespace = s.namespace AND c.name = s.name
     WHERE coalesce(c.value, 0) + s.added > s.least) INTO v_fits;
  IF NOT v_fits THEN
    -- The conditions of commit_batch.
    SELECT coalesce(array_agg(DISTINCT e.set), '{}') INTO v_failed_sets
      FROM unnest(p_set, p_op, p_resource, p_namespace, p_name, p_uid, p_revision)
           AS e(set, op, resource, namespace, name, uid, revision)
      LEFT JOIN berth.object o
        ON o.resource = e.resource AND o.namespace = e.namespace AND o.name = e.name
     WHERE CASE WHEN e.op IN (1, 5) THEN o.name IS NOT NULL
                ELSE o.name IS NULL OR (e.uid <> '' AND o.uid <> e.uid) OR (e.op <> 4 AND o.revision <> e.revision)
           END;
    WHILE v_last < cardinality(p_counted) LOOP
      v_first := v_last + 1;
      v_last := v_first;
      v_set := p_counted[v_first];
      WHILE p_counted[v_last + 1] = v_set LOOP
        v_last := v_last + 1;
      END LOOP;
      CONTINUE WHEN v_set = ANY (v_failed_sets);
      SELECT array_agg(v_first - 1 + d.entry::int ORDER BY d.entry), array_agg(coalesce(c.value, 0) ORDER BY d.entry)
        INTO v_over, v_used
        FROM unnest(p_counter_namespace[v_first:v_last], p_counter[v_first:v_last], p_delta[v_first:v_last],
                    p_limit[v_first:v_last]) WITH ORDINALITY AS d(namespace, name, delta, most, entry)
        LEFT JOIN berth.counter c ON c.namespace = d.namespace AND c.name = d.name
       WHERE d.delta > 0 AND coalesce(c.value, 0) + d.delta > d.most;
      IF v_over IS NULL THEN
        INSERT INTO berth.counter AS c (namespace, name, value)
        SELECT d.namespace, d.name, ${bounded('sum(d.delta)')}
          FROM unnest(p_counter_namespace[v_first:v_last], p_counter[v_first:v_last], p_delta[v_first:v_last])
               AS d(namespace, name, delta)
         GROUP BY d.namespace, d.name
        ON CONFLICT (namespace, name) DO UPDATE SET value = ${bounded('c.value + excluded.value')};
      ELSE
        exceeded := exceeded || v_over;
        used := used || v_used;
        p_set := p_set || v_set;
        p_op := p_op || 4;
        p_resource := p_resource || ''::text;
        p_namespace := p_namespace || ''::text;
        p_name := p_name || ''::text;
        p_uid := p_uid || ''::text;
        p_revision := p_revision || 0::bigint;
        p_start := p_start || 0;
        p_length := p_length || 0;
      END IF;
    END LOOP;
  END IF;
  SELECT b.base, b.failed, b.reasons INTO base, failed, reasons
    FROM berth.commit_batch(p_replica, p_batch, p_bodies, p_set, p_op, p_resource, p_namespace, p_name, p_uid, p_revision,
                            p_start, p_length) b;
  IF v_fits THEN
    SELECT coalesce(array_agg(p_set[f.entry]), '{}') INTO v_failed_sets FROM unnest(failed) AS f(entry);
    INSERT INTO berth.counter AS c (namespace, name, value)
    SELECT d.namespace, d.name, ${bounded('sum(d.delta)')}
      FROM unnest(p_counted, p_counter_namespace, p_counter, p_delta) AS d(set, namespace, name, delta)
     WHERE d.set <> ALL (v_failed_sets) GROUP BY d.namespace, d.name
    ON CONFLICT (namespace, name) DO UPDATE SET value = ${bounded('c.value + excluded.value')};
  END IF;
END
$$`;
