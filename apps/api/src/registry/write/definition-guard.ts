import type { CustomTraits } from '#kinds';
import type { CommitFailure, Guard, ObjectKey } from '../../storage/store.js';

/** Where CustomResourceDefinitions are stored. */
export const DEFINITIONS = 'apiextensions.k8s.io/customresourcedefinitions';

/** The definition that a new object was made by is not what it was: the request has to find its resource again. */
export class DefinitionChanged extends Error {
  constructor(readonly custom: CustomTraits) {
    super(`the definition ${custom.source.name} has changed`);
  }
}

/**
 * A custom resource is created by the definition that it was judged by, or not at all: another server may have deleted or changed
 * that a moment ago. Throws DefinitionChanged.
 */
export function definitionGuards(custom: CustomTraits | undefined): Guard[] {
  if (custom === undefined) return [];
  const { revision, isTerminating } = custom.source.state();
  if (isTerminating) throw new DefinitionChanged(custom);
  return [{ kind: 'revision', key: keyOf(custom), revision }];
}

/** Throws DefinitionChanged where the definition is what a commit failed on. */
export function checkDefinition(custom: CustomTraits | undefined, { key }: CommitFailure): void {
  if (custom !== undefined && key.resource === DEFINITIONS) throw new DefinitionChanged(custom);
}

function keyOf({ source }: CustomTraits): ObjectKey {
  return { resource: DEFINITIONS, namespace: '', name: source.name };
}
