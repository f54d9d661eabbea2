import { type FieldError, field, fieldErrorText, isJsonObject, ownValue, quote } from '#apimachinery';
import { CelCostExceeded, CelRuntimeError } from '#cel';
import type { ValidationRule } from '../../generated/types.js';
import { FieldCursor } from '../../validation/field-cursor.js';
import { type CompiledRule, compileRules, selfType } from './compiled-rules.js';
import { type Correlation, KeyedItems } from './correlation.js';
import { timed } from './rule-timing.js';
import { NO_PATH } from './schema-findings.js';
import type { RuleOptions, SchemaRules } from './schema-rules.js';
import { remembered, type Structural } from './structural.js';

/** Evaluates x-kubernetes-validations as apiextensions-apiserver's schema/cel does: the same order, limits and words. */

/** Cost units that one expression may use, and all of one object: k8s.io/apiserver/pkg/apis/cel. */
const CALL_LIMIT = 1_000_000;
const OBJECT_BUDGET = 10_000_000;
const MAX_MESSAGE_BYTES = 5 * 1024;
const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';
const NO_MORE = 'no further validation rules will be run due to call cost exceeds limit for';

/** Whether expressions can see a property: of what they cannot, upstream knows no rules. */
const isVisible = remembered((place) => selfType(place) !== undefined);

const hasVisibleRules = remembered((place): boolean => {
  const { items, additional, properties } = place;
  return (
    place.rules.length > 0 ||
    (items !== undefined && hasVisibleRules(items)) ||
    (additional !== undefined && hasVisibleRules(additional)) ||
    [...properties.values()].some((property) => hasVisibleRules(property) && isVisible(property))
  );
});

/** The rules of a place, compiled; a text in their stead says why none could be. */
const compiledAt = remembered((place): readonly CompiledRule[] | string => {
  const self = selfType(place);
  return self ? compileRules(place, self) : 'failed to convert to declType for CEL validation rules';
});

/** The rules of a schema; undefined when it has none. Expressions are compiled when the first value comes to them. */
export function rulesOf(root: Structural): SchemaRules | undefined {
  if (!hasVisibleRules(root)) return undefined;
  return { validate: (object, old, options) => new RuleRun(options).check(root, object, old) };
}

/** Where the value stands to the stored one; without a pair of its own, what is above it counts. */
interface Pairing {
  readonly own: Correlation | undefined;
  readonly above: Correlation | undefined;
}

const UNPAIRED: Pairing = { own: undefined, above: undefined };

/** The budget is used up, or nobody knows how much of it. */
class Stopped extends Error {}

/** One object against all rules. */
class RuleRun {
  private readonly at = new FieldCursor();
  private readonly errors: FieldError[] = [];
  private budget = OBJECT_BUDGET;

  constructor(private readonly options: RuleOptions) {}

  check(root: Structural, object: unknown, old: unknown): FieldError[] {
    try {
      this.visit(root, object, old, { own: this.options.correlation, above: undefined });
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
    return this.errors;
  }

  private visit(place: Structural, value: unknown, old: unknown, pairing: Pairing): void {
    if (value === null || value === undefined || !hasVisibleRules(place)) return;
    if (place.rules.length > 0) this.checkRules(place, value, old ?? undefined, pairing);
    if (Array.isArray(value)) this.visitItems(place, value, old, pairing);
    else if (isJsonObject(value)) this.visitMembers(place, value, old, pairing);
  }

  /** Items of lists of type map have an old value; all others are new. */
  private visitItems(place: Structural, list: readonly unknown[], old: unknown, pairing: Pairing): void {
    const { items } = place;
    if (items === undefined || !hasVisibleRules(items)) return;
    const keyed = place.listType === 'map' && Array.isArray(old) ? new KeyedItems(old, place.mapKeys) : undefined;
    for (let i = 0; i < list.length; i++) {
      this.at.enter(i);
      this.visit(
        items,
        list[i],
        keyed?.find(list[i]),
        below(pairing, (own) => own.index(i)),
      );
      this.at.leave();
    }
  }

  private visitMembers(place: Structural, map: Record<string, unknown>, old: unknown, pairing: Pairing): void {
    for (const name in map) {
      const property = place.properties.get(name);
      const member = property ?? place.additional;
      if (member === undefined || !hasVisibleRules(member)) continue;
      if (property !== undefined && !isVisible(property)) continue;
      if (property === undefined) this.at.enterKey(name);
      else this.at.enter(name);
      const isType = pairing.above === undefined && (name === 'apiVersion' || name === 'kind');
      const pair = isType ? UNPAIRED : below(pairing, (own) => own.key(name));
      // own-lookup: a member of its own
      this.visit(member, map[name], isJsonObject(old) ? ownValue(old, name) : undefined, pair);
      this.at.leave();
    }
  }

  private checkRules(place: Structural, value: unknown, old: unknown, pairing: Pairing): void {
    const compiled = compiledAt(place);
    if (typeof compiled === 'string') {
      this.fail(place, `rule compiler initialization error: ${compiled}`);
      return;
    }
    if (this.budget <= 0) this.stop(place, OUT_OF_BUDGET);
    for (const rule of compiled) this.checkRule(place, rule, value, old, pairing);
  }

  private checkRule(place: Structural, compiled: CompiledRule, value: unknown, old: unknown, pairing: Pairing): void {
    const { rule, program, error } = compiled;
    if (error !== undefined) {
      this.fail(place, `rule compile error: ${error}`);
      return;
    }
    if (program === undefined) return;
    // A transition rule says nothing of what is new, unless it says what it takes the old value to be.
    if (compiled.usesOldSelf && old === undefined && !rule.optionalOldSelf) return;
    const variables =
      compiled.usesOldSelf || compiled.message?.uses.has('oldSelf') ? { self: value, oldSelf: old } : { self: value };
    try {
      const { value: holds, cost } = timed('evaluated', () => program.evaluate(variables, { costLimit: CALL_LIMIT }));
      this.spend(place, cost);
      if (holds === true) return;
    } catch (thrown) {
      this.failed(place, rule, thrown);
      return;
    }
    const unchanged = !compiled.usesOldSelf && ((pairing.own ?? pairing.above)?.isUnchanged() ?? false);
    const path = compiled.fieldPath === undefined ? this.path : `${this.prefix}${compiled.fieldPath}`;
    const detail = this.messageOf(place, compiled, path, variables, unchanged);
    const { type } = place.schema;
    const shown = type === 'object' || type === 'array' ? field.OMIT_VALUE : value;
    this.tell(errorFor(path, shown, detail, rule.reason), unchanged);
  }

  private failed(place: Structural, rule: ValidationRule, thrown: unknown): void {
    const text = ruleText(rule);
    if (!(thrown instanceof CelRuntimeError)) {
      // A value of another type than the schema's, which an update may leave as it was, breaks what compiled for that type.
      if (!(thrown instanceof TypeError)) throw thrown;
      this.fail(place, `invalid data evaluating rule: ${text}`);
      return;
    }
    if (thrown instanceof CelCostExceeded) {
      this.spend(place, CALL_LIMIT);
      this.stop(place, `'${thrown.message}': ${NO_MORE} rule: ${text}`);
    }
    this.spend(place, thrown.cost);
    const isOverload = thrown.message.startsWith('no such overload');
    this.fail(
      place,
      isOverload
        ? `'${thrown.message}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`
        : `${thrown.message} evaluating rule: ${text}`,
    );
  }

  /** The message that an expression makes, or else the one that the rule has. */
  private messageOf(
    place: Structural,
    { rule, message }: CompiledRule,
    path: string,
    variables: Readonly<Record<string, unknown>>,
    unchanged: boolean,
  ): string {
    if (message !== undefined) {
      const expression = quote(rule.messageExpression ?? '');
      const stop = (detail: string): never => {
        this.tell(field.invalid(path, place.schema.type ?? '', detail), unchanged);
        throw new Stopped();
      };
      const pay = (cost: number): void => {
        if (cost <= this.budget) this.budget -= cost;
        else
          stop(
            `messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run`,
          );
      };
      try {
        const { value, cost } = message.evaluate(variables, { costLimit: CALL_LIMIT });
        pay(cost);
        const text = String(value).trim();
        if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MAX_MESSAGE_BYTES) return text;
      } catch (thrown) {
        if (!(thrown instanceof CelRuntimeError)) throw thrown;
        pay(thrown.cost);
        if (thrown instanceof CelCostExceeded) stop(`${NO_MORE} messageExpression: ${expression}`);
      }
    }
    return rule.message ? rule.message.trim() : `failed rule: ${ruleText(rule)}`;
  }

  private spend(place: Structural, cost: number): void {
    if (cost > this.budget) this.stop(place, OUT_OF_BUDGET);
    this.budget -= cost;
  }

  private stop(place: Structural, detail: string): never {
    this.fail(place, detail);
    throw new Stopped();
  }

  private fail(place: Structural, detail: string): void {
    this.errors.push(field.invalid(this.path, place.schema.type ?? '', detail));
  }

  private tell(error: FieldError, unchanged: boolean): void {
    if (unchanged) this.options.warn?.(fieldErrorText(error));
    else this.errors.push(error);
  }

  private get path(): string {
    return this.at.path().toString() || NO_PATH;
  }

  private get prefix(): string {
    const path = this.at.path().toString();
    return path === '' ? '' : `${path}.`;
  }
}

function below(pairing: Pairing, step: (own: Correlation) => Correlation | undefined): Pairing {
  const { own } = pairing;
  return own === undefined ? pairing : { own: step(own), above: own };
}

function ruleText({ rule, message }: ValidationRule): string {
  return (message || rule).trim();
}

function errorFor(path: string, value: unknown, detail: string, reason: ValidationRule['reason']): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return field.forbidden(path, detail);
    case 'FieldValueRequired':
      return field.required(path, detail);
    case 'FieldValueDuplicate':
      return field.duplicate(path, value);
    default:
      return field.invalid(path, value, detail);
  }
}
