import type { FieldError } from '#apimachinery';
import type { Correlation } from './correlation.js';

/** Rules over values, beyond what a schema says of each value by itself: `x-kubernetes-validations`. */
export interface SchemaRules {
  /** `old` is undefined at a create. */
  validate(object: unknown, old: unknown, options: RuleOptions): FieldError[];
}

export interface RuleOptions {
  /** Pairs the object with the old one: what is unchanged may break rules that it broke before. */
  readonly correlation?: Correlation;
  /** Takes errors of what is unchanged. */
  warn?(text: string): void;
}
