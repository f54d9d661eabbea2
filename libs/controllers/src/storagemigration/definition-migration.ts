import { isNotFound, type KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { type CustomResourceDefinition, gvr } from '#kinds';

/** What a migration says at the definition of the resource that it is of. Resources that are built in have none. */
export class DefinitionMigration {
  constructor(
    private readonly client: Client,
    private readonly now: () => string,
  ) {}

  begin(resource: string, migration: string): Promise<void> {
    return this.write(resource, () => ({
      status: 'True',
      reason: 'MigrationRunning',
      message: `Migration ${migration} is running`,
    }));
  }

  /** Objects of older versions are gone when all were written, and the definition is what it was when that began. */
  finish(resource: string, succeeded: boolean): Promise<void> {
    return this.write(resource, (definition) => {
      const begun = definition.status?.conditions?.find(({ type }) => type === 'StorageMigrating');
      // It has been written, or the definition is not the one that the migration began with.
      if (begun?.status !== 'True') return undefined;
      if (!succeeded) return { status: 'False', reason: 'MigrationFailed', message: 'The migration has failed' };
      const same = begun.observedGeneration === definition.metadata.generation;
      const outcome = same
        ? 'and the stored versions have been updated'
        : 'but the stored versions have not been updated due to a generation mismatch';
      return {
        ...{ status: 'False', reason: 'MigrationSucceeded', message: `The migration has succeeded ${outcome}` },
        ...(same ? { storedVersions: [definition.spec.versions.find(({ storage }) => storage)!.name] } : {}),
      };
    });
  }

  /** @param wanted - undefined when nothing is to be written */
  private async write(
    resource: string,
    wanted: (definition: CustomResourceDefinition) => Wanted | undefined,
  ): Promise<void> {
    let definition: CustomResourceDefinition;
    try {
      definition = await this.client.get<CustomResourceDefinition & KubeObject>(
        gvr.customresourcedefinitions,
        '',
        resource,
      );
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    const outcome = wanted(definition);
    if (!outcome) return;
    const { storedVersions, ...words } = outcome;
    const { generation, resourceVersion } = definition.metadata;
    const condition = {
      ...{ type: 'StorageMigrating', ...words },
      ...{ lastTransitionTime: this.now(), observedGeneration: generation },
    };
    const others = (definition.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    // Only for the definition that was read: a conflict is tried again.
    const patch = {
      metadata: { resourceVersion },
      status: { conditions: [...others, condition], ...(storedVersions ? { storedVersions } : {}) },
    };
    await this.client.patch(gvr.customresourcedefinitions, '', resource, 'application/merge-patch+json', patch, {
      subresource: 'status',
    });
  }
}

interface Wanted {
  status: 'True' | 'False';
  reason: string;
  message: string;
  storedVersions?: string[];
}
