import assert from 'node:assert/strict';
import type { DataSource } from 'typeorm';
import { type TestDatabase, testDatabase } from '#testing';
import { MIGRATION_TABLE, openDataSource } from './data-source.js';
import { openStore } from './index.js';

let database: TestDatabase;
let source: DataSource;

beforeAll(async () => {
  database = await testDatabase();
  await (await openStore({ databaseUrl: database.url })).close();
  source = await openDataSource({ connectionString: database.url });
});

afterAll(async () => {
  await source.destroy();
  await database.drop();
});

test('the entities are what the migrations have made', async () => {
  const { upQueries } = await source.driver.createSchemaBuilder().log();
  assert.deepEqual(
    upQueries.map(({ query }) => query),
    [],
  );
});

test('a column that an entity lacks would be found', async () => {
  await source.query('ALTER TABLE berth.tick ADD COLUMN extra text');
  try {
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    assert.match(upQueries.map(({ query }) => query).join('\n'), /DROP COLUMN "extra"/);
  } finally {
    await source.query('ALTER TABLE berth.tick DROP COLUMN extra');
  }
});

test('every table has an entity', async () => {
  const rows: { name: string }[] = await source.query(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'berth' AND table_type = 'BASE TABLE'`,
  );
  const known = source.entityMetadatas
    .filter(({ tableType }) => tableType !== 'view')
    .map(({ tableName }) => tableName);
  assert.deepEqual(rows.map(({ name }) => name).sort(), [...known, MIGRATION_TABLE].sort());
});
