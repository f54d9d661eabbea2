import { deepEqual, ownValue, quote } from '#apimachinery';
import { compilePattern } from '#cel';
import type { JSONSchemaProps } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';
import type { Correlation } from './correlation.js';
import { textFormat } from './formats.js';
import { checkNumber } from './number-conditions.js';
import { isInt64, isNearInteger } from './numbers.js';
import type { SchemaFindings } from './schema-findings.js';
import { isSchema } from './structural.js';

/**
 * The conditions that a schema sets on values, as kube-openapi checks them: the same order, the same count of checks, and
 * its peculiarities. Made on first use and kept, since most objects of a kind are checked against all of it.
 */
export class ValueSchema {
  private readonly types: readonly string[];
  private readonly format: string;
  private readonly checkFormat: ((text: string) => boolean) | undefined;
  private partsMade: Parts | undefined;

  private constructor(private readonly schema: JSONSchemaProps) {
    this.types = schema['x-kubernetes-int-or-string'] ? INT_OR_STRING : schema.type ? [schema.type] : NONE;
    this.format = supportedFormat(schema.format ?? '', this.types);
    this.checkFormat = this.format === '' ? undefined : textFormat(this.format);
  }

  /** Made when the first value comes that has parts: most fields of large schemas are never set. */
  private get parts(): Parts {
    return (this.partsMade ??= partsOf(this.schema));
  }

  static readonly of = (schema: JSONSchemaProps): ValueSchema => {
    let made = known.get(schema);
    if (made === undefined) {
      made = new ValueSchema(schema);
      known.set(schema, made);
    }
    return made;
  };

  /** `correlation` pairs the value with the stored one: what is unchanged keeps the errors that it has. */
  check(at: FieldCursor, value: unknown, found: SchemaFindings, correlation?: Correlation): void {
    const before = found.errors.length;
    this.checkAll(at, value, found, correlation);
    if (correlation !== undefined && found.errors.length > before && correlation.isUnchanged()) found.keepFirst(before);
  }

  private checkAll(at: FieldCursor, value: unknown, found: SchemaFindings, correlation: Correlation | undefined): void {
    if (value === null || value === undefined) {
      this.checkNull(found);
      return;
    }
    if (this.types.length > 0 || this.format !== '') {
      this.checkType(value, found);
      found.matches++;
    }
    this.checkAlternatives(at, value, found);
    found.matches++;
    if (typeof value === 'string') {
      this.checkText(value, found);
      found.matches++;
      if (this.checkFormat !== undefined) {
        if (!this.checkFormat(value)) found.wrongType(this.format, value);
        found.matches++;
      }
    } else if (typeof value === 'number') {
      checkNumber(value, this.schema, this.types, this.format, found);
      found.matches += 2;
    } else if (Array.isArray(value)) {
      this.checkList(at, value, found, correlation);
      found.matches += 2;
    }
    this.checkEnum(value, found);
    found.matches++;
    if (typeof value === 'object' && !Array.isArray(value)) {
      this.checkMap(at, value as Record<string, unknown>, found, correlation);
      found.matches++;
    }
    found.matches++;
  }

  private checkNull(found: SchemaFindings): void {
    if (this.types.length > 0 && this.schema.nullable !== true) found.wrongType(this.types.join(','), 'null');
    else found.matches++;
    this.checkEnum(null, found);
  }

  /** Texts and lists with a format pass any type but a number's: the reference leaves them to the format. */
  private checkType(value: unknown, found: SchemaFindings): void {
    const { types, format } = this;
    const actual = typeOf(value);
    const isNumber = types.includes('number') || types.includes('integer');
    const isTextual = typeof value === 'string' || Array.isArray(value);
    const fits =
      types.includes(actual) ||
      (actual === 'number' && types.includes('integer') && isNearInteger(value as number)) ||
      (actual === 'integer' && types.includes('number'));
    if (!isTextual && format !== '' && !fits && formatOf(value) !== format) found.wrongType(format, formatOf(value));
    else if (!isNumber && format !== '' && isTextual) found.matches++;
    else if (!fits) found.wrongType(types.join(','), actual);
    else found.matches++;
  }

  private checkAlternatives(at: FieldCursor, value: unknown, found: SchemaFindings): void {
    const { allOf, anyOf, oneOf, not } = this.schema;
    if (hasItems(anyOf)) this.checkAnyOf(at, value, found);
    if (hasItems(oneOf)) this.checkOneOf(at, value, found);
    if (hasItems(allOf)) this.checkAllOf(at, value, found);
    if (isSchema(not) && isValid(this.parts.not!, at, value, found)) {
      found.general(`${quote(found.name)} must not validate the schema (not)`);
    }
    found.matches++;
  }

  private checkAnyOf(at: FieldCursor, value: unknown, found: SchemaFindings): void {
    let best: SchemaFindings | undefined;
    for (const schema of this.parts.anyOf) {
      const result = found.fresh();
      schema.check(at, value, result);
      if (result.errors.length === 0) {
        found.matches += result.matches;
        return;
      }
      if (best === undefined || result.matches > best.matches) best = result;
    }
    found.general(`${quote(found.name)} must validate at least one schema (anyOf)`);
    found.merge(best!);
  }

  private checkOneOf(at: FieldCursor, value: unknown, found: SchemaFindings): void {
    let best: SchemaFindings | undefined;
    let first: SchemaFindings | undefined;
    let valid = 0;
    for (const schema of this.parts.oneOf) {
      const result = found.fresh();
      schema.check(at, value, result);
      if (result.errors.length === 0) {
        valid++;
        best = undefined;
        first ??= result;
      } else if (valid === 0 && (best === undefined || result.matches > best.matches)) best = result;
    }
    if (valid === 1) {
      found.matches += first!.matches;
      return;
    }
    const how = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
    found.general(`${quote(found.name)} must validate one and only one schema (oneOf). ${how}`);
    if (best !== undefined) found.merge(best);
  }

  private checkAllOf(at: FieldCursor, value: unknown, found: SchemaFindings): void {
    let valid = 0;
    for (const schema of this.parts.allOf) {
      const result = found.fresh();
      schema.check(at, value, result);
      if (result.errors.length === 0) valid++;
      found.merge(result);
    }
    if (valid === this.parts.allOf.length) return;
    const none = valid === 0 ? '. None validated' : '';
    found.general(`${quote(found.name)} must validate all the schemas (allOf)${none}`);
  }

  /** The first condition that fails is told. */
  private checkText(text: string, found: SchemaFindings): void {
    const { maxLength, minLength, pattern } = this.schema;
    const limited = isSet(maxLength) || isSet(minLength);
    const length = limited ? characters(text) : 0;
    if (isSet(maxLength) && length > maxLength) found.tooLong(maxLength);
    else if (isSet(minLength) && length < minLength) {
      found.invalid(text, `should be at least ${minLength} chars long`);
    } else if (pattern) {
      const compiled = compilePattern(pattern);
      const isBad = typeof compiled === 'string';
      if (!isBad && compiled.test(text)) return;
      const problem = isBad ? `, but pattern is invalid: ${compiled}` : '';
      found.invalid(text, `should match '${pattern}${problem}'`);
    }
  }

  private checkList(
    at: FieldCursor,
    list: readonly unknown[],
    found: SchemaFindings,
    correlation: Correlation | undefined,
  ): void {
    const { minItems, maxItems, uniqueItems } = this.schema;
    if (this.parts.items !== undefined) {
      for (let i = 0; i < list.length; i++) {
        at.enter(i);
        this.parts.items.check(at, list[i], found, correlation?.index(i));
        at.leave();
      }
    }
    if (isSet(minItems) && list.length < minItems) {
      found.invalid(list.length, `should have at least ${minItems} items`);
    }
    if (isSet(maxItems) && list.length > maxItems) found.tooMany('items', list.length, maxItems);
    if (uniqueItems && list.some((item, i) => list.findIndex((other) => deepEqual(item, other)) < i)) {
      found.invalid('', "shouldn't contain duplicates");
    }
  }

  private checkMap(
    at: FieldCursor,
    map: Readonly<Record<string, unknown>>,
    found: SchemaFindings,
    correlation: Correlation | undefined,
  ): void {
    this.checkCount(map, found);
    this.checkOtherNames(at, map, found, correlation);
    for (const [name, property] of this.parts.properties) {
      const item = ownValue(map, name);
      if (item === undefined) continue;
      at.enter(name);
      property.check(at, item, found, correlation?.key(name));
      at.leave();
    }
    const { required } = this.schema;
    if (required === undefined) return;
    for (const name of required) if (ownValue(map, name) === undefined) found.required(name);
  }

  private checkCount(map: Readonly<Record<string, unknown>>, found: SchemaFindings): void {
    const { minProperties, maxProperties } = this.schema;
    if (!isSet(minProperties) && !isSet(maxProperties)) return;
    const count = Object.keys(map).length;
    if (isSet(minProperties) && count < minProperties) {
      found.invalid(count, `should have at least ${minProperties} properties`);
    }
    if (isSet(maxProperties) && count > maxProperties) found.tooMany('properties', count, maxProperties);
  }

  private checkOtherNames(
    at: FieldCursor,
    map: Readonly<Record<string, unknown>>,
    found: SchemaFindings,
    correlation: Correlation | undefined,
  ): void {
    const { additional } = this.parts;
    if (additional === undefined || additional === true || additional === null) return;
    for (const name in map) {
      if (this.parts.properties.has(name)) continue;
      if (additional === false) {
        found.forbiddenProperty(name);
        continue;
      }
      at.enter(name);
      // own-lookup: a member of its own
      additional.check(at, map[name], found, correlation?.key(name));
      at.leave();
    }
  }

  /** Null is never one of the values, though they may have it. */
  private checkEnum(value: unknown, found: SchemaFindings): void {
    const values = this.schema.enum;
    if (values === undefined || values === null || values.length === 0) return;
    if (value !== null && values.some((allowed) => isSameValue(value, allowed))) return;
    found.notSupported(value, values);
  }
}

/** Schemas of what is in a value, and further schemas of the value itself. */
interface Parts {
  readonly properties: ReadonlyMap<string, ValueSchema>;
  readonly items: ValueSchema | undefined;
  /** `false` forbids all names but those of properties. */
  readonly additional: ValueSchema | boolean | undefined;
  readonly allOf: readonly ValueSchema[];
  readonly anyOf: readonly ValueSchema[];
  readonly oneOf: readonly ValueSchema[];
  readonly not: ValueSchema | undefined;
}

function partsOf(schema: JSONSchemaProps): Parts {
  const { properties, items, additionalProperties, allOf, anyOf, oneOf, not } = schema;
  const all = (schemas: readonly JSONSchemaProps[] | undefined | null) => (schemas ?? NONE).map(ValueSchema.of);
  return {
    properties: new Map(Object.entries(properties ?? {}).map(([name, part]) => [name, ValueSchema.of(part)])),
    items: isSchema(items) ? ValueSchema.of(items) : undefined,
    additional: isSchema(additionalProperties) ? ValueSchema.of(additionalProperties) : additionalProperties,
    allOf: all(allOf),
    anyOf: all(anyOf),
    oneOf: all(oneOf),
    not: isSchema(not) ? ValueSchema.of(not) : undefined,
  };
}

function hasItems(list: readonly unknown[] | undefined | null): boolean {
  return list !== undefined && list !== null && list.length > 0;
}

const NONE: readonly never[] = [];
const INT_OR_STRING = ['integer', 'string'];
const known = new WeakMap<JSONSchemaProps, ValueSchema>();

function isSet<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

function isValid(schema: ValueSchema, at: FieldCursor, value: unknown, found: SchemaFindings): boolean {
  const result = found.fresh();
  schema.check(at, value, result);
  return result.errors.length === 0;
}

/** Formats that mean nothing for the type are passed over. */
function supportedFormat(format: string, types: readonly string[]): string {
  switch (types.length === 1 ? types[0] : '') {
    case '':
    case 'string':
      return textFormat(format) === undefined ? '' : format;
    case 'integer':
      return format === 'int32' || format === 'int64' ? format : '';
    case 'number':
      return format === 'float' || format === 'double' ? format : '';
    default:
      return '';
  }
}

function typeOf(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return isInt64(value) ? 'integer' : 'number';
    case 'object':
      return Array.isArray(value) ? 'array' : 'object';
    default:
      return typeof value;
  }
}

function formatOf(value: unknown): string {
  if (typeof value !== 'number') return '';
  return isInt64(value) ? 'int64' : 'float64';
}

/** Go converts a number to the type of the value before it compares them: 1.5 is one of 1 and 2. */
function isSameValue(value: unknown, allowed: unknown): boolean {
  if (typeof value === 'number' && typeof allowed === 'number' && isInt64(allowed))
    return Math.trunc(value) === allowed;
  return deepEqual(value, allowed);
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
