/**
 * Keys of the advisory locks, in one place as they share one number space with whatever else uses the database.
 * The first half spells "BRTH".
 */
const SPACE = 0x42525448n << 32n;

/** Held by a commit from before its first read to its end. Used in migrations: never change it. */
export const STORE_LOCK = SPACE + 1n;
/** Held by the replica that migrates the schema. */
export const MIGRATION_LOCK = SPACE + 2n;
/** Held by the replica that compacts. */
export const COMPACTION_LOCK = SPACE + 3n;
/** Held exclusively by a replica that is alone, shared by replicas that are not. */
export const SOLO_LOCK = SPACE + 4n;
