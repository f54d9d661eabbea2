import { ownValue } from '#apimachinery';
import { type ColumnFacts, columnFacts, defaultsFacts, validationFacts } from './facts.js';

/** What the facts say of one kind, gathered from the files that have it in tables by kind. */
export interface KindFacts {
  /** Of metadata.name; a remark may stand behind it. Undefined is what most kinds have. */
  readonly nameFormat: string | undefined;
  /** Defaults by path; a text that begins with `=` is a rule in words. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Columns of the server's table; undefined when the kind declares none. */
  readonly columns: readonly ColumnFacts[] | undefined;
  /** What field selectors may use beyond metadata.name and metadata.namespace. */
  readonly fieldLabels: readonly string[];
  /** A create begins with an empty status. */
  readonly clearsStatus: boolean;
  /** metadata.generation counts changes of the spec. */
  readonly hasGeneration: boolean;
  /** PUT of a missing object creates it. */
  readonly createsOnPut: boolean;
  /** No update without resourceVersion. */
  readonly needsResourceVersion: boolean;
  /** Finalizers may have any name without a domain, not only one of the standard ones. */
  readonly shortFinalizers: boolean;
}

/** Stands for every kind that is defined at run time. */
export const CUSTOM_RESOURCE = '<custom resource>';

/**
 * `key` as kindKey makes it. A kind that is in no table has what most kinds have. Each member reads its file when it is
 * asked for: not every process needs all of them.
 */
export function kindFacts(key: string): KindFacts {
  return {
    get nameFormat() {
      return ownValue(validationFacts().kinds, key)?.name;
    },
    get defaults() {
      return ownValue(defaultsFacts().kinds, key) ?? {};
    },
    get columns() {
      return ownValue(columnFacts().kinds, key);
    },
    get fieldLabels() {
      // What stands behind the label is a remark.
      return (ownValue(validationFacts().fieldSelectors, key) ?? []).map((entry) => entry.split(' ')[0]!);
    },
    get clearsStatus() {
      return defaultsFacts().onCreate['status cleared'].includes(key);
    },
    get hasGeneration() {
      return defaultsFacts().onCreate['generation 1 on create, +1 on spec change'].includes(key);
    },
    get createsOnPut() {
      return validationFacts().putCreatesMissing.includes(key);
    },
    get needsResourceVersion() {
      return validationFacts().updateNeedsResourceVersion.includes(key);
    },
    get shortFinalizers() {
      return validationFacts().shortFinalizers.includes(key);
    },
  };
}
