import type pg from 'pg';
import { MIGRATION_LOCK } from './advisory-locks.js';
import { MIGRATION_TABLE, openDataSource } from './data-source.js';
import { migrations } from './migrations/index.js';

/**
 * Brings the schema to the newest migration. TypeORM is loaded only when there is one to run: the check is one query, and
 * a start that finds everything in place pays neither its time nor its memory.
 */
export async function ensureSchema(client: pg.ClientBase, connection: pg.ClientConfig): Promise<void> {
  if (await isCurrent(client)) return;
  // Replicas that start together: one migrates, the others wait here and then find it done.
  await client.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
  try {
    if (await isCurrent(client)) return;
    await client.query('CREATE SCHEMA IF NOT EXISTS berth');
    await migrate(connection);
  } finally {
    await client.query(`SELECT pg_advisory_unlock(${MIGRATION_LOCK})`);
  }
}

async function isCurrent(client: pg.ClientBase): Promise<boolean> {
  const table = await client.query(`SELECT to_regclass('berth.${MIGRATION_TABLE}') IS NOT NULL AS present`);
  if (!table.rows[0].present) return false;
  const { rows } = await client.query(`SELECT name FROM berth.${MIGRATION_TABLE}`);
  const done = new Set(rows.map((row) => row.name));
  return migrations.every((migration) => done.has(migration.name));
}

async function migrate(connection: pg.ClientConfig): Promise<void> {
  const source = await openDataSource(connection);
  try {
    await source.runMigrations();
  } finally {
    await source.destroy();
  }
}
