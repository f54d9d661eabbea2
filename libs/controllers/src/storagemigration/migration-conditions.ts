import type { Condition, StorageVersionMigration } from '#kinds';

/** What a migration's conditions say, in the reference's words. Pure. */

export type MigrationStatus = NonNullable<StorageVersionMigration['status']>;

export type ConditionType = 'Running' | 'Succeeded' | 'Failed';

const REASONS = {
  Running: 'MigrationRunning',
  Succeeded: 'StorageVersionMigrationSucceeded',
  Failed: 'StorageVersionMigrationFailed',
} as const;

export function holds({ status }: StorageVersionMigration, type: ConditionType): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

export function isOver(migration: StorageVersionMigration): boolean {
  return holds(migration, 'Succeeded') || holds(migration, 'Failed');
}

/** Objects that are still to be written, of all. */
export interface Progress {
  left: number;
  total: number;
}

export function runningMessage(progress?: Progress, trouble?: Error): string {
  let text = 'The migration is running';
  if (progress && progress.total > 0) {
    const { left, total } = progress;
    text += left > 0 ? `, ${left}/${total} objects not yet migrated` : `, ${total} objects verified migrated`;
  }
  return trouble ? `${text}; transient error: ${trouble.message}` : text;
}

export function withTrue(status: MigrationStatus, type: ConditionType, message: string, now: string): MigrationStatus {
  return withCondition(status, { type, status: 'True', reason: REASONS[type], message, lastTransitionTime: now });
}

/** A migration that is over no longer runs. */
export function ended(migration: StorageVersionMigration, now: string): MigrationStatus {
  const message = 'Migration completed';
  return withCondition(migration.status ?? {}, {
    ...{ type: 'Running', status: 'False', reason: 'MigrationCompleted', message, lastTransitionTime: now },
    observedGeneration: migration.metadata.generation,
  });
}

function withCondition(status: MigrationStatus, condition: Condition): MigrationStatus {
  const conditions = status.conditions ?? [];
  const old = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : condition.lastTransitionTime;
  const wanted = { ...condition, lastTransitionTime };
  const others = conditions.map((other) => (other === old ? wanted : other));
  return { ...status, conditions: old ? others : [...others, wanted] };
}

/** Which migration of a resource is to begin: the oldest one that waits, unless one runs. */
export function nextToRun(migrations: readonly StorageVersionMigration[]): StorageVersionMigration | undefined {
  if (migrations.some((migration) => holds(migration, 'Running'))) return undefined;
  const waiting = migrations.filter((migration) => !isOver(migration));
  const place = ({ metadata }: StorageVersionMigration) => `${metadata.creationTimestamp} ${metadata.name}`;
  return waiting.sort((a, b) => (place(a) < place(b) ? -1 : 1))[0];
}
