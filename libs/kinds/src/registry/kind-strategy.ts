import type { FieldError } from '#apimachinery';
import type { WriteContext } from '../definition.js';
import type { Rule } from '../validation/rules.js';

/**
 * What a kind adds to the generic strategy. Every function runs after the generic part of the same name and sees its
 * result. Files `<kind>.strategy.ts` export one of these; `registry/kind-strategies.ts` lists them.
 */
export interface KindStrategy {
  /** What the reference does when it converts a decoded object: before anybody is recorded as the owner of its fields. */
  convert?(object: any): void;
  prepareForCreate?(object: any, context: WriteContext): void;
  prepareForUpdate?(object: any, old: any, context: WriteContext): void;
  validateCreate?(object: any, context: WriteContext): FieldError[];
  validateUpdate?(object: any, old: any, context: WriteContext): FieldError[];
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
  validateCreate(object: any, context: WriteContext): FieldError[];
  validateUpdate(object: any, old: any, context: WriteContext): FieldError[];
}

/** `apps/v1/Deployment`, `v1/Pod`: how the facts name a kind. */
export function kindKey(group: string, version: string, kind: string): string {
  return group === '' ? `${version}/${kind}` : `${group}/${version}/${kind}`;
}
