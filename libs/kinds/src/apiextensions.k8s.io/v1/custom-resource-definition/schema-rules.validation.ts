import { field } from '#apimachinery';
import type { JSONSchemaProps, ValidationRule } from '../../../generated/types.js';
import { type CompiledRule, compileRules, selfType } from '../../../schema/structural/compiled-rules.js';
import { isSchema, Structural } from '../../../schema/structural/structural.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/** Rules of x-kubernetes-validations compile, and their worst cost fits: apiextensions-apiserver's cel_validation. */

const RULES = 'x-kubernetes-validations';
/** Cost units of one rule, and of all rules of a schema. */
const RULE_LIMIT = 10_000_000n;
const SCHEMA_LIMIT = 100_000_000n;
const MAX_COST = 2n ** 64n - 1n;
const MAX_REQUEST = 3n * 1024n * 1024n;
const MOST_EXPENSIVE = 4;

/** What an update knows of the schema that was there before. */
export interface StoredRules {
  /** The schema is as it was: what its rules cost was accepted once. */
  readonly unchanged: boolean;
  /** Expressions that the stored definition has. */
  readonly expressions: ReadonlySet<string>;
}

export const NO_STORED_RULES: StoredRules = { unchanged: false, expressions: new Set() };

interface Scope {
  /** How often the place can occur in an object; undefined where the schema does not say. */
  readonly occurs: bigint | undefined;
  /** The first place above whose values have no old ones. */
  readonly unpaired: string | undefined;
}

/** With the cursor at the schema. */
export function checkRuleExpressions(at: FieldCursor, schema: JSONSchemaProps, stored: StoredRules): void {
  new RuleCheck(at, stored).check(Structural.root(schema));
}

class RuleCheck {
  private total = 0n;
  private expensive: { path: string; cost: bigint }[] = [];

  constructor(
    private readonly at: FieldCursor,
    private readonly stored: StoredRules,
  ) {}

  check(root: Structural): void {
    this.visit(root, { occurs: 1n, unpaired: undefined });
    if (this.total <= SCHEMA_LIMIT) return;
    const { at } = this;
    for (const { path } of this.expensive) {
      const text = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
      at.add([field.forbidden(path, text)]);
    }
    at.forbidden(
      '',
      costText(`${RULES} estimated rule cost total for entire OpenAPIv3 schema`, this.total, SCHEMA_LIMIT),
    );
  }

  private visit(place: Structural, scope: Scope): void {
    const { at } = this;
    const { additional, items, properties } = place;
    const occurs = scope.occurs === undefined ? undefined : multiply(scope.occurs, elementsOf(place));
    if (additional !== undefined) at.within('additionalProperties', () => this.visit(additional, { ...scope, occurs }));
    at.within('properties', () => {
      for (const [name, property] of properties) {
        at.enterKey(name);
        this.visit(property, { ...scope, occurs });
        at.leave();
      }
    });
    if (items !== undefined) {
      const unpaired = place.listType === 'map' ? scope.unpaired : (scope.unpaired ?? at.path().toString());
      at.within('items', () => this.visit(items, { occurs, unpaired }));
    }
    if (place.rules.length > 0) at.within(RULES, () => this.checkRules(place, scope));
  }

  private checkRules(place: Structural, scope: Scope): void {
    const { at, stored } = this;
    const self = selfType(place);
    if (self === undefined) {
      const cause = 'unable to convert structural schema to CEL declarations';
      const text = `internal error: failed to construct type information for ${RULES} rules: ${cause}`;
      at.add([field.internalError(at.path(), text)]);
      return;
    }
    const occurs = scope.occurs ?? MAX_REQUEST / (BigInt(self.minJson ?? 0) + 1n);
    const compiled = compileRules(place, self, (source) => (stored.expressions.has(source) ? 'stored' : 'new'));
    compiled.forEach((rule, i) => {
      at.enter(i);
      this.checkRule(rule, occurs, scope.unpaired);
      at.leave();
    });
  }

  private checkRule(compiled: CompiledRule, occurs: bigint, unpaired: string | undefined): void {
    const { at } = this;
    const { rule, program, error, message, messageError, usesOldSelf } = compiled;
    if (program !== undefined) this.count('rule', 'estimated rule cost', multiply(program.estimatedCost().max, occurs));
    if (error !== undefined) at.invalid('rule', shown(rule), error);
    if (messageError !== undefined) at.invalid('messageExpression', shown(rule), messageError);
    else if (message !== undefined) {
      this.count('messageExpression', 'estimated messageExpression cost', message.estimatedCost().max);
    }
    if (usesOldSelf) {
      if (unpaired === undefined) return;
      const text = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${unpaired}`;
      at.invalid('rule', rule.rule, text);
    } else if (rule.optionalOldSelf !== undefined && rule.optionalOldSelf !== null) {
      at.invalid('optionalOldSelf', rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule');
    }
  }

  private count(name: string, what: string, cost: bigint): void {
    const { at } = this;
    if (cost > RULE_LIMIT && !this.stored.unchanged) at.forbidden(name, costText(what, cost, RULE_LIMIT));
    this.total = this.total + cost > MAX_COST ? MAX_COST : this.total + cost;
    if (cost < SCHEMA_LIMIT / 100n) return;
    this.expensive.push({ path: at.path(name).toString(), cost });
    this.expensive.sort((a, b) => (a.cost < b.cost ? 1 : a.cost > b.cost ? -1 : 0)).splice(MOST_EXPENSIVE);
  }
}

/** How many values one value of the place can hold; undefined without a limit. */
function elementsOf({ schema }: Structural): bigint | undefined {
  const limit = (max: number | undefined | null) =>
    max === undefined || max === null ? undefined : BigInt(Math.max(0, Math.trunc(max)));
  if (schema.type === 'array') return limit(schema.maxItems);
  const isMap = schema.additionalProperties !== undefined && schema.additionalProperties !== null;
  return schema.type === 'object' && isMap ? limit(schema.maxProperties) : 1n;
}

function multiply(cost: bigint, times: bigint): bigint;
function multiply(cost: bigint, times: bigint | undefined): bigint | undefined;
function multiply(cost: bigint, times: bigint | undefined): bigint | undefined {
  if (times === undefined) return undefined;
  return cost * times > MAX_COST ? MAX_COST : cost * times;
}

function costText(what: string, cost: bigint, limit: bigint): string {
  const factor = Number(cost) / Number(limit);
  const text = factor > 100 ? 'more than 100x' : `${factor < 1.5 ? factor.toFixed(6) : factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${text} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

/** As the reference prints its own type. */
function shown({
  rule,
  message,
  messageExpression,
  reason,
  fieldPath,
  optionalOldSelf,
}: ValidationRule): Map<string, unknown> {
  return new Map<string, unknown>([
    ['Rule', rule],
    ['Message', message ?? ''],
    ['MessageExpression', messageExpression ?? ''],
    ['Reason', reason ?? null],
    ['FieldPath', fieldPath ?? ''],
    ['OptionalOldSelf', optionalOldSelf ?? null],
  ]);
}

/** All expressions of a schema. */
export function expressionsOf(schema: JSONSchemaProps | undefined, into = new Set<string>()): Set<string> {
  if (schema === undefined) return into;
  for (const { rule, messageExpression } of schema[RULES] ?? []) {
    into.add(rule);
    if (messageExpression) into.add(messageExpression);
  }
  for (const part of [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})]) {
    if (isSchema(part)) expressionsOf(part, into);
  }
  return into;
}
