import { formatGroupVersion, type KubeObject } from '#apimachinery';
import { type Conversion, convertEach } from '../contract/conversion.js';
import type { DefinitionSource, ResourceDefinition, ScaleView } from '../contract/definition.js';
import { defineFromSchema } from '../definition/define-from-schema.js';
import { compareKubeVersions } from '../discovery/version-order.js';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
} from '../generated/types.js';
import { customResourceChecks, customResourceStrategy, finalizerWarnings } from './custom-resource.strategy.js';
import { conditionHolds } from './definition-conditions.js';
import { lazyDefinition } from './lazy-definition.js';
import { printerTable } from './printer-table.js';
import { scaleView } from './scale-view.js';

/** What a CustomResourceDefinition is served as. */
export interface CustomResourceOptions {
  /** Reads the definition again, when something of its versions is needed for the first time. */
  read(): CustomResourceDefinition;
  readonly source: DefinitionSource;
  /**
   * The way between stored versions and this one. `settle` gives a copy of a converted object in the form of this version's schema:
   * fields that it does not know go, defaults come.
   */
  conversionTo(version: string, settle: (object: KubeObject) => KubeObject): Conversion;
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const OF_SUBRESOURCES = ['get', 'patch', 'update'];

/** Whether the API serves it, as far as its status says; it may yet have no version that is served. */
export function isServed(crd: CustomResourceDefinition): boolean {
  if (!acceptedNames(crd)) return false;
  return conditionHolds(crd, 'Established') || conditionHolds(crd, 'NamesAccepted');
}

/** Everything of a definition that says what is served: the same text as long as nothing changes for those who use the resource. */
export function servedForm(crd: CustomResourceDefinition): string {
  const { uid, generation } = crd.metadata;
  return JSON.stringify([uid, generation, crd.status?.acceptedNames, crd.status?.storedVersions]);
}

/**
 * A definition for each version that is served. What costs something (the schema above all) is made at first use: hundreds of
 * definitions may be there that nobody asks for.
 */
export function customResources(crd: CustomResourceDefinition, options: CustomResourceOptions): ResourceDefinition[] {
  return crd.spec.versions.filter(({ served }) => served).map((version) => defineVersion(crd, version, options));
}

/** The definition of the version that objects are stored in, whether it is served or not: for who has to reach them anyway. */
export function storedCustomResource(
  crd: CustomResourceDefinition,
  options: CustomResourceOptions,
): ResourceDefinition {
  return defineVersion(crd, crd.spec.versions.find(({ storage }) => storage)!, options);
}

function defineVersion(
  { metadata, spec, status }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  options: CustomResourceOptions,
): ResourceDefinition {
  const { group, scope } = spec;
  const names = status!.acceptedNames!;
  const { name } = version;
  const { plural, kind, singular = '' } = names;
  const storageVersion = spec.versions.find(({ storage }) => storage)!.name;
  const stored = new Set([storageVersion, ...(status?.storedVersions ?? [])]);
  const mayDiffer = spec.versions.length > 1 || stored.size > 1 || !stored.has(name);
  const settles = schemaMayHaveChanged(metadata.generation);
  const settle = (object: KubeObject) => definition.fromStorage(object);
  const conversion = mayDiffer
    ? { ...options.conversionTo(name, settle), settles }
    : settles
      ? { ...convertEach((object) => object, settle), settles }
      : undefined;
  const subresources = version.subresources ?? {};
  const scale = subresources.scale ?? undefined;
  const hasStatus = (subresources.status ?? undefined) !== undefined;
  const schemaName = [...group.split('.').reverse(), name, kind].join('.');
  const head = {
    group,
    version: name,
    kind,
    listKind: names.listKind || `${kind}List`,
    plural,
    singular,
    namespaced: scope === 'Namespaced',
    verbs: VERBS,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    subresources: [
      ...(hasStatus ? [{ name: 'status', kind, verbs: OF_SUBRESOURCES, group, version: name }] : []),
      ...(scale ? [{ name: 'scale', kind: 'Scale', verbs: OF_SUBRESOURCES, group: 'autoscaling', version: 'v1' }] : []),
    ],
    storageResource: `${group}/${plural}`,
    storageVersion: { group, version: storageVersion },
    schemaName,
    listSchemaName: `${schemaName}List`,
    deprecationWarning: deprecationOf(spec.versions, version, group, kind),
    fieldLabels: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
    conversion,
    custom: { scales: scalesOf(spec.versions, group), source: options.source },
    scale: scale && scaleView(scale),
  };
  const definition = lazyDefinition(head, () => {
    const whole = options.read().spec.versions.find((candidate) => candidate.name === name)!;
    return defineFromSchema({
      ...{ group, version: name, kind, plural, singular, namespaced: head.namespaced, hasStatusEndpoint: hasStatus },
      schema: whole.schema?.openAPIV3Schema ?? ANYTHING,
      fieldLabels: head.fieldLabels,
      listKind: head.listKind,
      table: printerTable(whole.additionalPrinterColumns),
      strategy: customResourceStrategy({ group, resource: plural }, () => options.source.state().isTerminating),
      checks: scale && customResourceChecks(scale),
      warnings: finalizerWarnings,
    });
  });
  return definition;
}

/** A version without a schema, as older definitions have it, keeps whatever it is given. */
const ANYTHING = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** Objects may have been stored under another schema: fields that it does not know go, and its defaults come, when they are read. */
function schemaMayHaveChanged(generation: number | undefined): boolean {
  return generation !== undefined && generation > 1;
}

function acceptedNames({ status }: CustomResourceDefinition): CustomResourceDefinitionNames | undefined {
  const { plural, singular, kind, listKind } = status?.acceptedNames ?? {};
  return plural && singular && kind && listKind ? status!.acceptedNames : undefined;
}

/** Where each version has its replicas; null for one without a scale subresource. */
function scalesOf(versions: readonly CustomResourceDefinitionVersion[], group: string) {
  const paths = new Map<string, ScaleView['replicasPath'] | null>();
  for (const { name, subresources } of versions) {
    const path = subresources?.scale?.specReplicasPath;
    paths.set(formatGroupVersion(group, name), path ? path.replace(/^\./, '').split('.') : null);
  }
  return paths;
}

/** The warning of requests for a deprecated version: its author's, or one that names the best version that is not. */
function deprecationOf(
  versions: readonly CustomResourceDefinitionVersion[],
  { name, deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
  group: string,
  kind: string,
): string | undefined {
  if (!deprecated) return undefined;
  if (deprecationWarning !== undefined && deprecationWarning !== null) return deprecationWarning;
  const better = versions
    .filter((other) => other.served && !other.deprecated && compareKubeVersions(name, other.name) < 0)
    .map((other) => other.name)
    .sort((a, b) => compareKubeVersions(b, a))[0];
  const text = `${group}/${name} ${kind} is deprecated`;
  return better === undefined ? text : `${text}; use ${group}/${better} ${kind}`;
}
