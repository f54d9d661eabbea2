import { type KubeObject, labelSelectorMatcher, parseGroupVersion } from '#apimachinery';
import type { ParamKind, ParamRef, ResourceCatalog, ResourceDefinition } from '#kinds';
import type { Lister } from '../../storage/lister.js';

/** A policy or a binding that cannot be applied as it is; its failure policy decides what this means. */
export class ConfigurationError extends Error {}

/**
 * The parameters of a binding, in the version that the policy names; one undefined when there are to be none. Empty when the
 * binding does not apply. Throws ConfigurationError.
 */
export async function parametersOf(
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
  catalog: ResourceCatalog,
  lister: Lister,
): Promise<readonly (KubeObject | undefined)[]> {
  if (kind === undefined) return [undefined];
  const definition = definitionOf(kind, catalog);
  if (ref === undefined) return [undefined];
  if (ref.namespace && !definition.namespaced) {
    throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  const found = select(definition, ref, definition.namespaced ? namespaceOf(ref, namespace) : '', lister);
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny') {
    throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return definition.conversion ? definition.conversion.fromStorage(found) : found;
}

function definitionOf({ apiVersion = '', kind = '' }: ParamKind, catalog: ResourceCatalog): ResourceDefinition {
  const { group = '', version = '' } = parseGroupVersion(apiVersion) ?? {};
  const found = catalog.findKind(group, version, kind);
  if (found !== undefined) return found;
  throw new ConfigurationError(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
}

function namespaceOf(ref: ParamRef, namespace: string): string {
  if (ref.namespace) return ref.namespace;
  if (namespace !== '') return namespace;
  throw new ConfigurationError(
    'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
  );
}

function select(
  { storageResource }: ResourceDefinition,
  ref: ParamRef,
  namespace: string,
  lister: Lister,
): KubeObject[] {
  if (ref.name) {
    const found = lister.get(storageResource, namespace, ref.name);
    return found === undefined ? [] : [found];
  }
  if (ref.selector === undefined) throw new ConfigurationError('one of name or selector must be provided');
  const selector = labelSelectorMatcher(ref.selector);
  const all = lister.list(storageResource, namespace === '' ? undefined : namespace);
  return all.filter(({ metadata }) => selector.matches(metadata.labels));
}
