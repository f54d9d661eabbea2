import type { FieldError, KubeObject, Steps } from '#apimachinery';
import type { Rule } from '../validation/rules.js';
import type { Conversion } from './conversion.js';
import type { DeletionPolicy, WriteContext } from './definition.js';

/**
 * What is special of one kind: everything that does not follow from the facts. A member that is missing means "as the
 * facts say". `<group>/<version>/<kind>/<kind>.kind.ts` exports one; `npm run generate` lists them.
 */
export interface KindModule {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** What the kind does around a write, beyond what all kinds do. */
  readonly strategy?: KindStrategy;
  /** Reviews alone, and what else cannot be updated, may lack it. */
  readonly validator?: KindValidator;
  readonly warnings?: KindWarnings;
  /** The rules in words of `defaults.json` that belong to the kind, by path. */
  readonly defaults?: Readonly<Record<string, Setter>>;
  /** Likewise the rules of types that the kind owns, by schema name and field; they hold wherever the type occurs. */
  readonly typeDefaults?: Readonly<Record<string, Readonly<Record<string, Setter>>>>;
  /** The row of the server's table; without it, the table has the generic columns. */
  readonly cells?: Cells;
  /** Conditions of that row, e.g. Completed for a finished pod. */
  rowConditions?(object: any): object[];
  /** Values of field labels that are not simply the field of that path. */
  readonly fieldLabels?: Readonly<Record<string, FieldReader>>;
  readonly nameFormat?: NameCheck;
  readonly deletion?: DeletionPolicy;
  /** What the status endpoint writes: status and metadata, or `'status'` alone (upstream's status strategies tell). */
  readonly statusEndpointWrites?: 'status';
  /** Of a version that is not the stored one: which one is, and the way to and from it. */
  readonly stored?: StoredVersion;
  /** Text of the Warning header that every request for the kind gets. */
  readonly deprecation?: string;
}

/**
 * What a kind adds to the generic strategy. Every function runs after the generic part of the same name and sees its
 * result.
 */
export interface KindStrategy {
  /** What the reference does when it converts a decoded object: before anybody is recorded as the owner of its fields. */
  convert?(object: any): void;
  prepareForCreate?(object: any, context: WriteContext): void;
  prepareForUpdate?(object: any, old: any, context: WriteContext): void;
  gracePeriodSeconds?(object: any, requested?: number): number;
  defaultPropagation?: 'Background' | 'Orphan';
  /** Updates through these subresources: each takes the place of the generic part and of prepareForUpdate. */
  subresources?: Readonly<Record<string, (object: any, old: any, context: WriteContext) => void>>;
  /** Paths whose change bumps the generation; `spec` when the kind has a generation and says nothing. */
  generationOf?: readonly string[];
}

/** Full validation of a kind: metadata is checked by the generic part already. */
export interface KindValidator {
  /** What is checked; the kind's spec shows each rule, and `docs/validation.md` lists it. */
  readonly rules: readonly Rule[];
  /** Does with pauses, right before the validation of the same object, what takes long of it. `old` is undefined at a create. */
  ahead?(object: any, old: any): Steps<void>;
  validateCreate(object: any, context: WriteContext): FieldError[];
  validateUpdate(object: any, old: any, context: WriteContext): FieldError[];
}

/** What a writer of a good object is told of it; `old` is undefined at a create. Not asked at updates of subresources. */
export type KindWarnings = (object: any, old: KubeObject | undefined) => readonly string[];

/** Fills in what is unset, in place. */
export type Setter = (object: any) => void;

/** One row's cells, in the order of the kind's columns. Wide columns are always computed: clients choose. */
export type Cells = (object: any, now: Date) => unknown[];

export type FieldReader = (object: any) => unknown;

/** Checks metadata.name, or metadata.generateName when `prefix` is true: there a trailing dash is fine. Gives messages. */
export type NameCheck = (name: string, prefix: boolean) => string[];

export interface StoredVersion {
  readonly group: string;
  readonly version: string;
  readonly conversion: Conversion;
}
