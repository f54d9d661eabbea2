import type { FieldError, KubeObject, SchemaNode, Steps, UserInfo } from '#apimachinery';
import type { Decoded } from '../schema/decode.js';
import type { Conversion } from './conversion.js';

export type { FieldError };

/**
 * Everything the generic registry needs to know of one served resource. The registry has no code per kind:
 * what differs between kinds is here, as data or as one small function.
 */
export interface ResourceDefinition {
  group: string;
  version: string;
  kind: string;
  /** Kind of a list of them: nearly always `<kind>List`. */
  listKind: string;
  /** Lower-case plural as in paths: `deployments`. */
  plural: string;
  singular: string;
  namespaced: boolean;
  verbs: readonly string[];
  shortNames: readonly string[];
  categories: readonly string[];
  subresources: readonly SubresourceDefinition[];
  /**
   * Where objects are stored: `<group>/<plural>`, or `<plural>` for core. Two served versions over one stored object
   * (both Events, autoscaling v1 and v2) share it; `storageVersion` says whose bytes are stored.
   */
  storageResource: string;
  storageVersion: { group: string; version: string };
  /** OpenAPI definition names of the object and of a list of them, keys into the schemas. */
  schemaName: string;
  listSchemaName: string;
  /** Brings parsed JSON into the form in which it is kept, in place; see decodeAs. Throws DecodeError. */
  decode(value: unknown): Decoded;
  /** The object's schema, for patches and field ownership. */
  schema: SchemaNode;
  /** OpenAPI schemas by name, in the dialect of version 2 or 3, that are not among the release's types. */
  openApiSchemas?(dialect: 2 | 3): Readonly<Record<string, Record<string, unknown>>>;
  strategy: Strategy;
  deletion: DeletionPolicy;
  /** Text of the Warning header that every request for a deprecated kind gets. */
  deprecationWarning: string | undefined;
  /** Columns of the server-side Table; `cells` gives a row. */
  columns: readonly TableColumn[];
  cells(object: KubeObject, now: Date): unknown[];
  /** Conditions of a Table row, e.g. Completed for a finished pod; missing for kinds without. */
  rowConditions: ((object: KubeObject) => object[]) | undefined;
  /** Field labels beyond metadata.name and metadata.namespace that field selectors may use. */
  fieldLabels: readonly string[];
  fieldValue(object: KubeObject, label: string): string;
  /** To and from the stored version; undefined when this version is the stored one. */
  conversion: Conversion | undefined;
  /** Set for custom resources: what holds for them all, and what their versions share. */
  custom?: CustomTraits;
  /** How the scale subresource shows an object; missing where it is as in the workloads of the release. */
  scale?: ScaleView;
}

/**
 * Of custom resources: they take no strategic patches, and whoever writes a status owns no field outside of it. `scales` says by
 * apiVersion where the replicas are; null for a version without a scale subresource.
 */
export interface CustomTraits {
  readonly scales: ReadonlyMap<string, readonly string[] | null>;
  readonly source: DefinitionSource;
}

/** The CustomResourceDefinition that a resource was made from, as this server knows it. */
export interface DefinitionSource {
  readonly name: string;
  state(): DefinitionState;
  /** Takes in the newest state of the definition: the resource may be another afterwards, or gone. */
  settle(): void;
}

/** At the newest revision of the definition at which the resource is what it is. */
export interface DefinitionState {
  readonly revision: number;
  /** The definition is being deleted: nothing is created then. */
  readonly isTerminating: boolean;
}

/** An object as autoscaling/v1 Scale. */
export interface ScaleView {
  /** Where the wanted replicas are in the object. */
  readonly replicasPath: readonly string[];
  of(object: KubeObject): KubeObject;
  /** Throws StatusError for an object that has no scale to be read. */
  check?(object: KubeObject): void;
  /** Writes the wanted replicas of a Scale into the object. Throws StatusError when there are none. */
  apply(object: KubeObject, scale: KubeObject): void;
}

export interface SubresourceDefinition {
  name: string;
  kind: string;
  verbs: readonly string[];
  group: string;
  version: string;
}

export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface WriteContext {
  user: UserInfo;
  now: Date;
  /** '' for the main resource, else `status`, `scale`, `binding`, ... */
  subresource: string;
  /** Adds a line for the response's Warning headers. */
  warn(text: string): void;
}

/** What deletion does differently for a few resources: facts of the reference's registry. */
export interface DeletionPolicy {
  /** The answer to a delete is the object that is gone, not a Status. */
  returnsObject?: boolean;
  /** Anything beside metadata.finalizers that holds the object back. */
  isHeld?(object: KubeObject): boolean;
  /** The first delete always marks, even with nothing holding the object back; changes the object for it. */
  markFirst?(object: KubeObject): void;
  /** The garbage collector never sees the resource: no propagation finalizers. */
  uncollected?: boolean;
}

/**
 * What a kind does around a write. All functions are pure apart from changing the object that they are given,
 * which is always the registry's own copy.
 */
export interface Strategy {
  /** Fills in defaults as the reference does on decode; runs on every write, and on patches after merging. */
  applyDefaults(object: KubeObject): void;
  /**
   * Clears what a creator may not set (status) and sets what the server owns (generation and so on). Runs after mutating
   * admission, on an object that has its name, namespace, uid and creationTimestamp.
   */
  prepareForCreate(object: KubeObject, context: WriteContext): void;
  /** Does with pauses, right before validation, what takes long of it; the function is missing for kinds that are validated fast. */
  validateAhead?(object: KubeObject, old: KubeObject | undefined): Steps<void>;
  validateCreate(object: KubeObject, context: WriteContext): FieldError[];
  /** Keeps what the main endpoint may not change (status), or what a subresource may not (spec); bumps generation. */
  prepareForUpdate(object: KubeObject, old: KubeObject, context: WriteContext): void;
  validateUpdate(object: KubeObject, old: KubeObject, context: WriteContext): FieldError[];
  /** PUT on a missing name creates it. */
  allowCreateOnUpdate: boolean;
  /** An update without resourceVersion is accepted as last write wins. */
  allowUnconditionalUpdate: boolean;
  /**
   * Seconds of grace that a delete gets; the function is missing for kinds that delete at once. `requested` is what
   * DeleteOptions say: a kind may overrule it (a pod that has no node goes at once).
   */
  gracePeriodSeconds?(object: KubeObject, requested?: number): number;
  /** Propagation when DeleteOptions says nothing. */
  defaultPropagation: 'Background' | 'Orphan';
}
