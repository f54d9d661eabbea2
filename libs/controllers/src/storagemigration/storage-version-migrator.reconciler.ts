import { formatTime, isConflict, isNotFound, StatusError } from '#apimachinery';
import { type Informer, objectKey, type ServedResource } from '#client';
import { gvr, type StorageVersionMigration } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { DefinitionMigration } from './definition-migration.js';
import {
  ended,
  holds,
  isOver,
  type MigrationStatus,
  nextToRun,
  type Progress,
  runningMessage,
  withTrue,
} from './migration-conditions.js';

const NAME = 'storage-version-migrator-controller';
const BY_RESOURCE = 'resource';
const NEEDED_VERBS = ['update', 'patch', 'list'];
/** A resource that was defined a moment ago may not be served yet. Milliseconds. */
const PATIENCE = 60_000;
const AGAIN = 1_000;
/** Codes of failures that pass. */
const TRANSIENT = new Set([429, 500, 503, 504]);

export function storageVersionMigrator(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, NAME);
  const migrator = new StorageVersionMigrator(runtime);
  return controller(NAME, runtime)
    .for<StorageVersionMigration>(gvr.storageversionmigrations)
    .watches<StorageVersionMigration>(gvr.storageversionmigrations, {
      // The next one of the resource may begin.
      update: (_old, migration) => (isOver(migration) ? migrator.sameResource(migration) : undefined),
      delete: (migration) => migrator.sameResource(migration),
    })
    .reconcile((key) => migrator.reconcile(key));
}

/** Writes each object of a resource anew, so that the store has it in the version that objects are stored in now. */
class StorageVersionMigrator {
  private readonly migrations: Informer<StorageVersionMigration>;
  private readonly definitions: DefinitionMigration;

  constructor(private readonly runtime: ControllerRuntime) {
    this.migrations = runtime.informers.for<StorageVersionMigration>(gvr.storageversionmigrations);
    this.migrations.addIndex(BY_RESOURCE, (migration) => [resourceOf(migration)]);
    this.definitions = new DefinitionMigration(runtime.client, () => this.timestamp());
  }

  sameResource(migration: StorageVersionMigration): string[] {
    return this.migrations.byIndex(BY_RESOURCE, resourceOf(migration)).map(objectKey);
  }

  async reconcile(key: string): Promise<{ requeueAfter: number } | undefined> {
    const migration = this.migrations.getByKey(key);
    if (!migration) return undefined;
    if (isOver(migration)) {
      if (holds(migration, 'Running')) await this.finish(migration);
      return undefined;
    }
    if (!holds(migration, 'Running')) {
      const siblings = this.migrations.byIndex(BY_RESOURCE, resourceOf(migration));
      if (nextToRun([...siblings])?.metadata.name === migration.metadata.name) await this.begin(migration);
      return undefined;
    }
    return this.run(migration);
  }

  private async begin(migration: StorageVersionMigration): Promise<void> {
    await this.definitions.begin(resourceOf(migration), migration.metadata.name!);
    await this.write(migration, withTrue(migration.status ?? {}, 'Running', runningMessage(), this.timestamp()));
  }

  private async finish(migration: StorageVersionMigration): Promise<void> {
    await this.definitions.finish(resourceOf(migration), holds(migration, 'Succeeded'));
    await this.write(migration, ended(migration, this.timestamp()));
  }

  private async run(migration: StorageVersionMigration): Promise<{ requeueAfter: number } | undefined> {
    const { group = '', resource } = migration.spec.resource;
    const served = this.runtime.resources.list().filter((item) => item.group === group && item.plural === resource);
    const [found] = served;
    if (!found) {
      const age = this.runtime.clock.now() - Date.parse(migration.metadata.creationTimestamp!);
      if (age < PATIENCE) return { requeueAfter: AGAIN };
      await this.fail(migration, 'resource does not exist in discovery');
      return undefined;
    }
    if (!NEEDED_VERBS.every((verb) => found.verbs.includes(verb))) {
      const text = `${group}/${found.version}, Resource=${resource}`;
      await this.fail(
        migration,
        `resource "${text}" does not support discovery operations: [${NEEDED_VERBS.join(' ')}]`,
      );
      return undefined;
    }
    if (!migration.status?.resourceVersion) return this.mark(migration, found);
    await this.migrate(migration, found, migration.status.resourceVersion);
    return undefined;
  }

  /** Objects that are written from here on need no migration. */
  private async mark(migration: StorageVersionMigration, found: ServedResource): Promise<undefined> {
    const { metadata } = await this.runtime.client.list(gvrOf(found), { limit: 1 });
    await this.write(migration, { ...migration.status, resourceVersion: metadata.resourceVersion });
  }

  private async migrate(migration: StorageVersionMigration, found: ServedResource, mark: string): Promise<void> {
    const { client } = this.runtime;
    const resource = gvrOf(found);
    const { items } = await client.list(resource);
    const old = items.filter(({ metadata }) => BigInt(metadata.resourceVersion!) <= BigInt(mark));
    const progress: Progress = { left: old.length, total: items.length };
    const apiVersion = found.group ? `${found.group}/${found.version}` : found.version;
    for (const { metadata } of old) {
      const { namespace = '', name = '', resourceVersion } = metadata;
      const patch = { apiVersion, kind: found.kind, metadata: { resourceVersion } };
      try {
        await client.patch(resource, namespace, name, 'application/merge-patch+json', patch);
      } catch (error) {
        if (isTransient(error)) {
          await this.report(migration, progress, error as Error);
          throw error;
        }
        // Written or deleted by somebody else meanwhile: there is nothing to do.
        if (!isConflict(error) && !isNotFound(error)) {
          const message = `migration encountered unhandled error: ${(error as Error).message}`;
          await this.fail(migration, `${progress.left}/${progress.total} not yet migrated. ${message}`, progress);
          return;
        }
      }
      progress.left -= 1;
    }
    const running = withTrue(migration.status ?? {}, 'Running', runningMessage(progress), this.timestamp());
    await this.write(migration, withTrue(running, 'Succeeded', 'Migration completed', this.timestamp()));
  }

  private async report(migration: StorageVersionMigration, progress: Progress, trouble: Error): Promise<void> {
    const message = runningMessage(progress, trouble);
    await this.write(migration, withTrue(migration.status ?? {}, 'Running', message, this.timestamp())).catch(() => {});
  }

  private async fail(migration: StorageVersionMigration, message: string, progress?: Progress): Promise<void> {
    const status = migration.status ?? {};
    const now = this.timestamp();
    const shown = progress ? withTrue(status, 'Running', runningMessage(progress), now) : status;
    await this.write(migration, withTrue(shown, 'Failed', message, now));
  }

  private async write(migration: StorageVersionMigration, status: MigrationStatus): Promise<void> {
    await this.runtime.client.update<StorageVersionMigration>(
      gvr.storageversionmigrations,
      '',
      { ...migration, status },
      { subresource: 'status' },
    );
  }

  private timestamp(): string {
    return formatTime(new Date(this.runtime.clock.now()));
  }
}

/** `<plural>.<group>`, as a definition is named. */
function resourceOf({ spec }: StorageVersionMigration): string {
  const { group = '', resource } = spec.resource;
  return `${resource}.${group}`;
}

function gvrOf({ group, version, plural }: ServedResource) {
  return { group, version, resource: plural };
}

/** What is no answer of the server is a connection that broke. */
function isTransient(error: unknown): boolean {
  return !(error instanceof StatusError) || TRANSIENT.has(error.code);
}
