import type { FieldError } from './field-errors.js';
import * as field from './field-errors.js';
import { isLabelValue, isQualifiedName } from './names.js';
import { badRequest } from './status.js';

export type Labels = Readonly<Record<string, string>>;

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** meta/v1 LabelSelector, as objects carry it. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** A parsed selector. Matching allocates nothing. */
export class LabelMatcher {
  private constructor(
    /** Undefined: matches nothing. */
    private readonly terms: readonly LabelRequirement[] | undefined,
  ) {}

  static readonly everything = new LabelMatcher([]);
  static readonly nothing = new LabelMatcher(undefined);

  static of(requirements: readonly LabelRequirement[]): LabelMatcher {
    if (requirements.length === 0) return LabelMatcher.everything;
    return new LabelMatcher([...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)));
  }

  /** All labels of the set must be there with these values: the selector of Services and ReplicationControllers. */
  static ofSet(set: Labels | undefined): LabelMatcher {
    return LabelMatcher.of(
      Object.entries(set ?? {}).map(([key, value]) => ({ key, operator: '=' as const, values: [value] })),
    );
  }

  get requirements(): readonly LabelRequirement[] {
    return this.terms ?? [];
  }

  /** Selects every object. */
  get isEverything(): boolean {
    return this.terms !== undefined && this.terms.length === 0;
  }

  get isNothing(): boolean {
    return this.terms === undefined;
  }

  matches(labels: Labels | undefined): boolean {
    if (this.terms === undefined) return false;
    for (const term of this.terms) if (!matchesRequirement(term, labels)) return false;
    return true;
  }

  /** A label that every match has with one value, for an index. */
  exactMatch(): { key: string; value: string } | undefined {
    for (const { key, operator, values } of this.requirements) {
      if ((operator === '=' || operator === '==' || operator === 'in') && values.length === 1) {
        return { key, value: values[0]! };
      }
    }
    return undefined;
  }

  /** Canonical text, which parses to the same selector. */
  toString(): string {
    return this.requirements.map(requirementText).join(',');
  }
}

function matchesRequirement({ key, operator, values }: LabelRequirement, labels: Labels | undefined): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    default: {
      if (value === undefined || !isInt64(value) || !isInt64(values[0] ?? '')) return false;
      const left = BigInt(value);
      const right = BigInt(values[0]!);
      return operator === 'gt' ? left > right : left < right;
    }
  }
}

function isInt64(text: string): boolean {
  if (!/^[+-]?\d+$/.test(text)) return false;
  const value = BigInt(text.replace(/^\+/, ''));
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${[...values].sort().join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0] ?? ''}`;
  }
}

/** Problems of one requirement, with the paths that the parser of the reference gives. */
function requirementErrors({ key, operator, values }: LabelRequirement): FieldError[] {
  const errors: FieldError[] = [];
  const keyMessages = isQualifiedName(key);
  if (keyMessages.length > 0) errors.push(field.invalid('key', key, keyMessages.join('; ')));
  if (operator === 'in' || operator === 'notin') {
    if (values.length === 0) {
      errors.push(field.invalid('values', values, "for 'in', 'notin' operators, values set can't be empty"));
    }
  } else if (operator === 'gt' || operator === 'lt') {
    if (values.length !== 1) {
      errors.push(field.invalid('values', values, "for 'Gt', 'Lt' operators, exactly one value is required"));
    }
    values.forEach((value, i) => {
      if (isInt64(value)) return;
      errors.push(field.invalid(`values[${i}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
    });
  } else if (operator === 'exists' || operator === '!') {
    if (values.length !== 0) {
      errors.push(field.invalid('values', values, 'values set must be empty for exists and does not exist'));
    }
  }
  values.forEach((value, i) => {
    const messages = isLabelValue(value);
    if (messages.length > 0) errors.push(field.invalid(`values[${i}][${key}]`, value, messages.join('; ')));
  });
  return errors;
}

/** Why a selector text cannot be used; becomes a 400. */
class SelectorError extends Error {}

const TOKENS: Readonly<Record<string, true>> = {
  ')': true,
  ',': true,
  '!': true,
  '==': true,
  '=': true,
  '>': true,
  '<': true,
  '!=': true,
  '(': true,
};
const BINARY: Readonly<Record<string, LabelOperator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};

interface Token {
  kind: 'symbol' | 'word' | 'end' | 'error';
  text: string;
}

function tokenize(selector: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (at < selector.length && ' \t\r\n'.includes(selector[at]!)) at++;
    if (at >= selector.length || selector[at] === '\0') break;
    if ('=!(),><'.includes(selector[at]!)) {
      let end = at;
      let text: string | undefined;
      while (end < selector.length && '=!(),><'.includes(selector[end]!)) {
        const longer = selector.slice(at, end + 1);
        if (Object.hasOwn(TOKENS, longer)) text = longer;
        else if (text !== undefined) break;
        end++;
      }
      at = end;
      tokens.push(
        text === undefined
          ? { kind: 'error', text: `error expected: keyword found '${selector.slice(at, end)}'` }
          : { kind: 'symbol', text },
      );
    } else {
      const start = at;
      while (at < selector.length && !'=!(),>< \t\r\n\0'.includes(selector[at]!)) at++;
      tokens.push({ kind: 'word', text: selector.slice(start, at) });
    }
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

/** Parses the text of a labelSelector parameter. Throws a 400 with the words of the reference. */
export function parseLabelSelector(selector: string): LabelMatcher {
  if (selector === '') return LabelMatcher.everything;
  try {
    return LabelMatcher.of(new SelectorParser(tokenize(selector)).parse());
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

class SelectorParser {
  private at = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  private peek(): Token {
    return this.tokens[this.at]!;
  }

  private next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.at++;
    return token;
  }

  private isSymbol(token: Token, text: string): boolean {
    return token.kind === 'symbol' && token.text === text;
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const token = this.peek();
      if (token.kind === 'end') return requirements;
      if (token.kind !== 'word' && !this.isSymbol(token, '!')) {
        throw new SelectorError(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.requirement());
      const after = this.next();
      if (after.kind === 'end') return requirements;
      if (!this.isSymbol(after, ',')) {
        throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`);
      }
      const following = this.peek();
      if (following.kind !== 'word' && !this.isSymbol(following, '!')) {
        throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  private fail(message: string): never {
    throw new SelectorError(`unable to parse requirement: ${message}`);
  }

  private requirement(): LabelRequirement {
    const negated = this.isSymbol(this.peek(), '!');
    if (negated) this.next();
    const name = this.next();
    if (name.kind !== 'word') this.fail(`found '${name.text}', expected: identifier`);
    const key = name.text;
    const keyMessages = isQualifiedName(key);
    // The reference has no path for the key at this point, and prints that.
    if (keyMessages.length > 0) {
      this.fail(field.fieldErrorText(field.invalid('<nil>', key, keyMessages.join('; '))));
    }
    const end = this.peek();
    const alone = end.kind === 'end' || this.isSymbol(end, ',');
    if (negated) return this.checked({ key, operator: '!', values: [] });
    if (alone) return this.checked({ key, operator: 'exists', values: [] });
    const token = this.next();
    const operator = token.kind !== 'error' && Object.hasOwn(BINARY, token.text) ? BINARY[token.text] : undefined;
    if (operator === undefined) {
      return this.fail(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    const values = operator === 'in' || operator === 'notin' ? this.valueList() : this.exactValue();
    return this.checked({ key, operator, values });
  }

  private checked(requirement: LabelRequirement): LabelRequirement {
    const errors = requirementErrors(requirement);
    if (errors.length > 0) this.fail(field.aggregateMessages(errors.map(field.fieldErrorText)));
    return requirement;
  }

  private exactValue(): string[] {
    const token = this.peek();
    if (token.kind === 'end' || this.isSymbol(token, ',')) return [''];
    this.next();
    if (token.kind !== 'word') this.fail(`found '${token.text}', expected: identifier`);
    return [token.text];
  }

  private valueList(): string[] {
    const open = this.next();
    if (!this.isSymbol(open, '(')) this.fail(`found '${open.text}' expected: '('`);
    const first = this.peek();
    if (this.isSymbol(first, ')')) {
      this.next();
      return [''];
    }
    if (first.kind !== 'word' && !this.isSymbol(first, ',')) {
      this.fail(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = new Set<string>();
    for (;;) {
      const token = this.next();
      if (token.kind === 'word') {
        values.add(token.text);
        const after = this.peek();
        if (this.isSymbol(after, ')')) break;
        if (!this.isSymbol(after, ',')) this.fail(`found '${after.text}', expected: ',' or ')'`);
      } else if (this.isSymbol(token, ',')) {
        if (values.size === 0) values.add('');
        const after = this.peek();
        if (this.isSymbol(after, ')') || this.isSymbol(after, ',')) values.add('');
        if (this.isSymbol(after, ')')) break;
      } else {
        this.fail(`found '${token.text}', expected: ',', or identifier`);
      }
    }
    this.next();
    return [...values].sort();
  }
}

const OBJECT_OPERATORS: Readonly<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/**
 * A matcher of an object's LabelSelector: none matches nothing, an empty one everything. Validated selectors never
 * fail; for others the error has the words of the reference.
 */
export function labelSelectorMatcher(selector: LabelSelector | null | undefined): LabelMatcher {
  if (selector === undefined || selector === null) return LabelMatcher.nothing;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, operator: '=', values: [value] });
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const op = Object.hasOwn(OBJECT_OPERATORS, operator) ? OBJECT_OPERATORS[operator] : undefined;
    if (op === undefined) throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: op, values: values ?? [] });
  }
  for (const requirement of requirements) {
    const errors = requirementErrors(requirement);
    if (errors.length > 0) throw new Error(field.aggregateMessages(errors.map(field.fieldErrorText)));
  }
  return LabelMatcher.of(requirements);
}

/** As labelSelectorMatcher over objects that live long: parsed once for each selector object, which must not change. */
export function cachedLabelMatcher(selector: LabelSelector | null | undefined): LabelMatcher {
  if (selector === undefined || selector === null) return LabelMatcher.nothing;
  let matcher = matcherCache.get(selector);
  if (matcher === undefined) {
    matcher = labelSelectorMatcher(selector);
    matcherCache.set(selector, matcher);
  }
  return matcher;
}

const matcherCache = new WeakMap<LabelSelector, LabelMatcher>();

/** An object's LabelSelector as the text of a labelSelector parameter. */
export function formatLabelSelector(selector: LabelSelector | null | undefined): string {
  const matcher = labelSelectorMatcher(selector);
  if (matcher.isNothing || matcher.isEverything) return '<none>';
  return matcher.toString();
}

export function validateLabelSelector(selector: LabelSelector | undefined, path: field.FieldPath): FieldError[] {
  if (selector === undefined) return [];
  const errors = validateLabels(selector.matchLabels, path.child('matchLabels'));
  (selector.matchExpressions ?? []).forEach((expression, i) => {
    const at = path.child('matchExpressions').index(i);
    const values = expression.values ?? [];
    if (expression.operator === 'In' || expression.operator === 'NotIn') {
      if (values.length === 0) {
        errors.push(field.required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (expression.operator === 'Exists' || expression.operator === 'DoesNotExist') {
      if (values.length > 0) {
        const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        errors.push(field.forbidden(at.child('values'), detail));
      }
    } else {
      errors.push(field.invalid(at.child('operator'), expression.operator, 'not a valid selector operator'));
    }
    for (const message of isQualifiedName(expression.key)) {
      errors.push(field.invalid(at.child('key'), expression.key, message));
    }
    values.forEach((value, j) => {
      for (const message of isLabelValue(value)) {
        errors.push(field.invalid(at.child('values').index(j), value, message));
      }
    });
  });
  return errors;
}

export function validateLabels(labels: Labels | undefined, path: field.FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key]!;
    for (const message of isQualifiedName(key)) errors.push(field.invalid(path, key, message));
    for (const message of isLabelValue(value)) errors.push(field.invalid(path, value, message));
  }
  return errors;
}
