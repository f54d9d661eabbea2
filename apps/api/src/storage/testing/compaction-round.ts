import { compact, type Retention } from '../compaction.js';
import { ColdDatabase } from '../data-source.js';

/** One round of compaction of a database, as another replica would run it. */
export async function compactionRound(databaseUrl: string, retention: Retention): Promise<void> {
  const database = new ColdDatabase({ connectionString: databaseUrl });
  try {
    await database.use((manager) => compact(manager, retention));
  } finally {
    await database.close();
  }
}
