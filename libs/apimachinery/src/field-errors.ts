import { goJson, goNumber, quote } from './go-format.js';

/** One problem with one field, in the form in which a Status carries it as a cause. */
export interface FieldError {
  /** Path as Kubernetes prints it: `spec.containers[0].name`. */
  field: string;
  /** Cause reason: FieldValueInvalid, FieldValueRequired, ... */
  reason: string;
  /** Cause message, e.g. `Required value: ...`. */
  message: string;
}

/** A path from a root to a field. Immutable; printed only when an error needs it, so building one costs little. */
export class FieldPath {
  private constructor(
    private readonly parent: FieldPath | undefined,
    private readonly step: string | number,
    private readonly subscript: boolean,
  ) {}

  static of(name: string, ...more: string[]): FieldPath {
    return new FieldPath(undefined, name, false).child(...more);
  }

  child(...names: string[]): FieldPath {
    let path: FieldPath = this;
    for (const name of names) path = new FieldPath(path, name, false);
    return path;
  }

  index(index: number): FieldPath {
    return new FieldPath(this, index, true);
  }

  key(key: string): FieldPath {
    return new FieldPath(this, key, true);
  }

  toString(): string {
    const parts: string[] = [];
    for (let path: FieldPath | undefined = this; path !== undefined; path = path.parent) {
      parts.push(path.subscript ? `[${path.step}]` : path.parent === undefined ? `${path.step}` : `.${path.step}`);
    }
    return parts.reverse().join('');
  }
}

/** A path, or text that is already one. An empty name at the root prints nothing. */
export type Path = FieldPath | string;

/** Stands for a bad value that must not be shown. */
export const OMIT_VALUE: unique symbol = Symbol('omitted');

export function required(path: Path, detail = ''): FieldError {
  return make(path, 'FieldValueRequired', 'Required value', detail);
}

export function forbidden(path: Path, detail = ''): FieldError {
  return make(path, 'FieldValueForbidden', 'Forbidden', detail);
}

export function invalid(path: Path, value: unknown, detail = ''): FieldError {
  return make(path, 'FieldValueInvalid', 'Invalid value', detail, value ?? null);
}

export function typeInvalid(path: Path, value: unknown, detail = ''): FieldError {
  return make(path, 'FieldValueTypeInvalid', 'Invalid value', detail, value ?? null);
}

/** The detail that every immutable field gives. */
export const FIELD_IMMUTABLE = 'field is immutable';

export function immutable(path: Path, value: unknown): FieldError {
  return invalid(path, value, FIELD_IMMUTABLE);
}

export function duplicate(path: Path, value: unknown): FieldError {
  return make(path, 'FieldValueDuplicate', 'Duplicate value', '', value ?? null);
}

/** `supported` is printed in the order given; upstream sorts most of its sets before. */
export function notSupported(path: Path, value: unknown, supported: readonly string[]): FieldError {
  return make(path, 'FieldValueNotSupported', 'Unsupported value', supportedText(supported), value ?? null);
}

/** By list: an object may have tens of thousands of values that are none of the supported ones. */
const supportedTexts = new WeakMap<readonly string[], string>();

function supportedText(supported: readonly string[]): string {
  if (supported.length === 0) return '';
  let text = supportedTexts.get(supported);
  if (text === undefined) {
    text = `supported values: ${supported.map((item) => quote(item)).join(', ')}`;
    supportedTexts.set(supported, text);
  }
  return text;
}

/** A reference inside the object that leads nowhere. */
export function notFound(path: Path, value: unknown): FieldError {
  return make(path, 'FieldValueNotFound', 'Not found', '', value ?? null);
}

/** `max` in bytes; negative when there is nothing to say about it. */
export function tooLong(path: Path, max: number): FieldError {
  const detail = max >= 0 ? `may not be more than ${max} ${max === 1 ? 'byte' : 'bytes'}` : 'value is too long';
  return make(path, 'FieldValueTooLong', 'Too long', detail);
}

/** As tooLong, with the length counted in characters. */
export function tooLongCharacters(path: Path, max: number): FieldError {
  const detail =
    max >= 0 ? `may not be more than ${max} ${max === 1 ? 'character' : 'characters'}` : 'value is too long';
  return make(path, 'FieldValueTooLong', 'Too long', detail);
}

/** `actual` negative: unknown, and not shown. */
export function tooMany(path: Path, actual: number, max: number): FieldError {
  const detail = max >= 0 ? `must have at most ${max} ${max === 1 ? 'item' : 'items'}` : 'has too many items';
  return make(path, 'FieldValueTooMany', 'Too many', detail, actual >= 0 ? actual : OMIT_VALUE);
}

export function internalError(path: Path, detail: string): FieldError {
  return make(path, 'InternalError', 'Internal error', detail);
}

/** Its message is printed only when read: each of thousands of errors may show the same whole list, and a Status shows the first ones. */
class Problem implements FieldError {
  readonly field: string;
  private readonly type: string;
  private readonly detail: string;
  private readonly value: unknown;

  constructor(
    path: Path,
    readonly reason: string,
    type: string,
    detail: string,
    value: unknown,
  ) {
    this.field = typeof path === 'string' ? path : path.toString();
    this.type = type;
    this.detail = detail;
    this.value = value;
  }

  get message(): string {
    const body = this.value === OMIT_VALUE ? this.type : `${this.type}: ${valueText(this.value)}`;
    return this.detail === '' ? body : `${body}: ${this.detail}`;
  }
}

function make(path: Path, reason: string, type: string, detail: string, value: unknown = OMIT_VALUE): FieldError {
  return new Problem(path, reason, type, detail, value);
}

function valueText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return goNumber(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
      return goJson(value ?? null);
  }
}

/** The error with more detail at its end. */
export function withDetail(error: FieldError, detail: () => string): FieldError {
  return {
    field: error.field,
    reason: error.reason,
    get message() {
      return `${error.message}: ${detail()}`;
    },
  };
}

/** `<path>: <body>` of one error. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${error.message}`;
}

/** Several errors as one text: doubles removed, in brackets when more than one is left. */
export function aggregateMessages(messages: Iterable<string>): string {
  const distinct = [...new Set(messages)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`;
}
