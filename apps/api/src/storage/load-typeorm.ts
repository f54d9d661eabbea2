import { setImmediate as turn } from 'node:timers/promises';

/** In the order in which TypeORM's own index needs them. */
const PARTS = [
  () => import('typeorm/globals.js'),
  () => import('typeorm/error/index.js'),
  () => import('typeorm/entity-manager/EntityManager.js'),
  () => import('typeorm/driver/postgres/PostgresDriver.js'),
  () => import('typeorm/driver/sqlserver/SqlServerDriver.js'),
  () => import('typeorm/driver/DriverFactory.js'),
  () => import('typeorm/data-source/DataSource.js'),
];

/** TypeORM, loaded a part at a time. At once it holds up all requests for a quarter of a second: the server does it while it serves. */
export async function loadTypeOrm(): Promise<typeof import('typeorm')> {
  for (const load of PARTS) {
    await load();
    await turn();
  }
  return import('typeorm');
}
