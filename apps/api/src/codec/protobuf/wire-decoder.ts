import { bare, decodeJsonSteps, formatDuration, type Steps, setOwn } from '#apimachinery';
import { fieldsOf, MAGIC, messageName, WireError, type WireFields } from './wire-messages.js';

/**
 * Reads the protobuf encoding of request bodies. Go clients write built-in kinds in it unless they are told otherwise
 * and do not fall back to JSON. What comes out is the JSON form of the object.
 */

export interface WireEnvelope {
  apiVersion: string;
  kind: string;
  raw: Buffer;
}

/** The envelope around every object: four magic bytes, then type and content. */
export function readEnvelope(body: Buffer): WireEnvelope {
  if (body.length === 0) throw new WireError('empty data');
  if (body.length < 4 || !body.subarray(0, 4).equals(MAGIC)) {
    throw new WireError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  if (body.length === MAGIC.length) throw new WireError('empty body');
  const envelope: WireEnvelope = { apiVersion: '', kind: '', raw: Buffer.alloc(0) };
  new WireReader(body, 4, body.length).each((number, value) => {
    if (number === 1) {
      const type = value.bytes();
      new WireReader(type, 0, type.length).each((part, text) => {
        if (part === 1) envelope.apiVersion = text.text();
        if (part === 2) envelope.kind = text.text();
      });
    } else if (number === 2) {
      envelope.raw = value.bytes();
    }
  });
  return envelope;
}

/** The JSON form of a message; `schemaName` is its OpenAPI name. */
export function decodeMessage(schemaName: string, raw: Buffer): Record<string, unknown> {
  return readMessage(messageName(schemaName), raw, MAX_LEVELS) as Record<string, unknown>;
}

/** As decodeMessage, with pauses where the message is large. */
export function* decodeMessageSteps(schemaName: string, raw: Buffer): Steps<Record<string, unknown>> {
  return (yield* messageSteps(messageName(schemaName), raw, {}, MAX_LEVELS)) as Record<string, unknown>;
}

/** Messages in each other that no honest object has, and every part of the pipeline has stack for. */
const MAX_LEVELS = 500;

function nextLevel(levels: number): number {
  if (levels === 0) throw new WireError('exceeded max depth');
  return levels - 1;
}

/** Bytes that are read between pauses: a few milliseconds where the fields are tiny. */
const SLICE = 32 * 1024;

/** As readMessage. Large messages are gone through field by field, and small ones are read at once. */
function* messageSteps(message: string, bytes: Buffer, into: Record<string, unknown>, levels: number): Steps<unknown> {
  const below = nextLevel(levels);
  const special = SPECIAL[message];
  if (special === rawJson) return yield* rawJsonSteps(bytes);
  if (special) return special(bytes);
  const fields = fieldsOf(message);
  const reader = new WireReader(bytes, 0, bytes.length);
  let pause = SLICE;
  while (!reader.done) {
    const { number, value } = reader.field();
    const field = fields[number];
    if (field !== undefined && value.length > SLICE && holdsMessage(field[1])) {
      const [name, type] = field;
      if (type[0] === '~') yield* messageSteps(type.slice(1), value.bytes(), into, below);
      else if (type[0] === '{') {
        // own-lookup: a name of the schema, and so below
        yield* entrySteps(type.slice(1), value.bytes(), (into[name] ??= {}) as Record<string, unknown>, below);
      } else if (type[0] === '[') {
        const item = yield* messageSteps(type.slice(1), value.bytes(), {}, below);
        // own-lookup: as above
        ((into[name] ??= []) as unknown[]).push(item);
      } else {
        // own-lookup: as above
        into[name] = yield* messageSteps(type, value.bytes(), {}, below);
      }
    } else readField(field, value, into, below);
    if (reader.at < pause) continue;
    pause = reader.at + SLICE;
    yield;
  }
  return chosen(message, into);
}

/** Whether a field of this type holds messages. */
function holdsMessage(type: string): boolean {
  return type.replace(/^[~[{]/, '').length > 1;
}

/** As readEntry, where the value is a message. */
function* entrySteps(type: string, bytes: Buffer, into: Record<string, unknown>, levels: number): Steps<void> {
  let key = '';
  let content: Buffer = Buffer.alloc(0);
  new WireReader(bytes, 0, bytes.length).each((number, value) => {
    if (number === 1) key = value.text();
    if (number === 2) content = value.bytes();
  });
  setOwn(into, key, yield* messageSteps(type, content, {}, levels));
}

function readMessage(message: string, bytes: Buffer, levels: number, into: Record<string, unknown> = {}): unknown {
  const below = nextLevel(levels);
  const special = SPECIAL[message];
  if (special) return special(bytes);
  const fields = fieldsOf(message);
  new WireReader(bytes, 0, bytes.length).each((number, value) => readField(fields[number], value, into, below));
  return chosen(message, into);
}

function readField(
  field: WireFields[string] | undefined,
  value: WireValue,
  into: Record<string, unknown>,
  levels: number,
): void {
  if (!field) return;
  const [name, type] = field;
  switch (type[0]) {
    case '~':
      readMessage(type.slice(1), value.bytes(), levels, into);
      break;
    case '[':
      // own-lookup: a name of the schema, and so below
      readElements(type.slice(1), value, (into[name] ??= []) as unknown[], levels);
      break;
    case '{':
      // own-lookup: as above
      readEntry(type.slice(1), value.bytes(), (into[name] ??= {}) as Record<string, unknown>, levels);
      break;
    default:
      // own-lookup: as above
      into[name] = readValue(type, value, levels);
  }
}

function readValue(type: string, value: WireValue, levels: number): unknown {
  switch (type) {
    case 's':
      return value.text();
    case 'b':
      return value.integer() !== 0;
    case 'i':
      return value.integer();
    case 'd':
      return value.double();
    case 'y':
      return value.bytes().toString('base64');
    default:
      return readMessage(type, value.bytes(), levels);
  }
}

/** Numbers may come packed, several in one value. */
function readElements(type: string, value: WireValue, into: unknown[], levels: number): void {
  if (type !== 'i' || !value.isBytes) {
    into.push(readValue(type, value, levels));
    return;
  }
  const packed = value.bytes();
  const reader = new WireReader(packed, 0, packed.length);
  while (!reader.done) into.push(reader.varint());
}

function readEntry(type: string, bytes: Buffer, into: Record<string, unknown>, levels: number): void {
  let key = '';
  let content: unknown = type === 's' ? '' : type === 'b' ? false : type === 'i' ? 0 : undefined;
  new WireReader(bytes, 0, bytes.length).each((number, value) => {
    if (number === 1) key = value.text();
    if (number === 2) content = readValue(type, value, levels);
  });
  setOwn(into, key, content === undefined ? readMessage(type, Buffer.alloc(0), levels) : content);
}

/** Messages whose JSON form is no object of their fields. */
const SPECIAL = bare<(bytes: Buffer) => unknown>({
  'meta.v1.Time': (bytes) => timeText(bytes, 0),
  'meta.v1.MicroTime': (bytes) => timeText(bytes, 6),
  'meta.v1.Duration': (bytes) => formatDuration(Number(plain(bytes)[1] ?? 0) / 1e6),
  'api.resource.Quantity': (bytes) => String(plain(bytes)[1] ?? '0'),
  'util.intstr.IntOrString': (bytes) => {
    const { 1: type = 0, 2: number = 0, 3: text = '' } = plain(bytes);
    return type === 0 ? number : String(text);
  },
  'pkg.runtime.RawExtension': rawJson,
  'meta.v1.FieldsV1': rawJson,
  'apiextensions.v1.JSON': rawJson,
  'meta.v1.Verbs': items,
  'authentication.v1.ExtraValue': items,
  'authentication.v1.AttestationValue': items,
  'authorization.v1.ExtraValue': items,
  'certificates.v1.ExtraValue': items,
});

/** What JSON has in place of messages of which one field is set. */
const CHOICE = bare<(fields: any) => unknown>({
  'apiextensions.v1.JSONSchemaPropsOrBool': ({ schema, allows = false }) => schema ?? allows,
  'apiextensions.v1.JSONSchemaPropsOrArray': ({ schema, jSONSchemas = [] }) => schema ?? jSONSchemas,
  'apiextensions.v1.JSONSchemaPropsOrStringArray': ({ schema, property = [] }) => schema ?? property,
});

function chosen(message: string, fields: Record<string, unknown>): unknown {
  const choice = CHOICE[message];
  return choice ? choice(fields) : fields;
}

function parts(bytes: Buffer): Record<number, WireValue> {
  const found: Record<number, WireValue> = {};
  new WireReader(bytes, 0, bytes.length).each((number, value) => {
    found[number] = value;
  });
  return found;
}

/** Fields of a small message as numbers and texts. */
function plain(bytes: Buffer): Record<number, number | string> {
  const found: Record<number, number | string> = {};
  new WireReader(bytes, 0, bytes.length).each((number, value) => {
    found[number] = value.isBytes ? value.text() : value.integer();
  });
  return found;
}

function items(bytes: Buffer): string[] {
  const found: string[] = [];
  new WireReader(bytes, 0, bytes.length).each((_, value) => found.push(value.text()));
  return found;
}

function rawJson(bytes: Buffer): unknown {
  const raw = parts(bytes)[1]?.bytes();
  if (!raw || raw.length === 0) return null;
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch (error) {
    throw new WireError(`embedded JSON: ${(error as Error).message}`);
  }
}

function* rawJsonSteps(bytes: Buffer): Steps<unknown> {
  const raw = parts(bytes)[1]?.bytes();
  if (!raw || raw.length === 0) return null;
  try {
    return (yield* decodeJsonSteps(raw, false)).value;
  } catch (error) {
    throw new WireError(`embedded JSON: ${(error as Error).message}`);
  }
}

/** The times that a timestamp can have, of the years 1 to 9999; JSON has no others. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

const isBetween = (value: number, first: number, last: number): boolean => value >= first && value <= last;

/** An empty message is the zero time, which JSON says as null. */
function timeText(bytes: Buffer, digits: 0 | 6): string | null {
  if (bytes.length === 0) return null;
  const { 1: seconds = 0, 2: nanos = 0 } = plain(bytes);
  if (!isBetween(Number(seconds), FIRST_SECOND, LAST_SECOND) || !isBetween(Number(nanos), 0, 999_999_999)) {
    throw new WireError(`time out of range: ${seconds} s, ${nanos} ns`);
  }
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  if (digits === 0) return `${text}Z`;
  return `${text}.${String(Math.floor(Number(nanos) / 1000)).padStart(6, '0')}Z`;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** One value as it lies in the buffer. */
class WireValue {
  constructor(
    private readonly buffer: Buffer,
    private readonly start: number,
    private readonly end: number,
    private readonly number: number,
    private readonly type: number,
  ) {}

  /** Bytes of what has a length of its own. */
  get length(): number {
    return this.end - this.start;
  }

  get isBytes(): boolean {
    return this.type === LENGTH;
  }

  bytes(): Buffer {
    this.expect(LENGTH);
    return this.buffer.subarray(this.start, this.end);
  }

  text(): string {
    this.expect(LENGTH);
    return this.buffer.toString('utf8', this.start, this.end);
  }

  integer(): number {
    this.expect(VARINT);
    return this.number;
  }

  double(): number {
    this.expect(FIXED64);
    return this.buffer.readDoubleLE(this.start);
  }

  private expect(type: number): void {
    if (this.type !== type) throw new WireError(`proto: wrong wireType = ${this.type}`);
  }
}

class WireReader {
  constructor(
    private readonly buffer: Buffer,
    public at: number,
    private readonly end: number,
  ) {}

  get done(): boolean {
    return this.at >= this.end;
  }

  each(visit: (number: number, value: WireValue) => void): void {
    while (this.at < this.end) {
      const tag = this.varint();
      const type = tag & 7;
      visit(Math.floor(tag / 8), this.value(type));
    }
  }

  /** The next one. */
  field(): { number: number; value: WireValue } {
    const tag = this.varint();
    return { number: Math.floor(tag / 8), value: this.value(tag & 7) };
  }

  private value(type: number): WireValue {
    const start = this.at;
    switch (type) {
      case VARINT:
        return new WireValue(this.buffer, start, start, this.varint(), type);
      case FIXED64:
        return this.span(8, type);
      case FIXED32:
        return this.span(4, type);
      case LENGTH: {
        const length = this.varint();
        return this.span(length, type);
      }
      default:
        throw new WireError(`proto: illegal wireType ${type}`);
    }
  }

  private span(length: number, type: number): WireValue {
    const start = this.at;
    if (length < 0 || start + length > this.end) throw new WireError('unexpected EOF');
    this.at = start + length;
    return new WireValue(this.buffer, start, this.at, 0, type);
  }

  /** Two's complement of 64 bits, as Go writes negative numbers; beyond 2^53 precision is lost, as in JSON. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i += 1) {
      if (this.at >= this.end) throw new WireError('unexpected EOF');
      const byte = this.buffer[this.at++]!;
      if (i === 9) return this.negative();
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return value;
    }
    throw new WireError('proto: integer overflow');
  }

  /** A tenth byte is only there for negative numbers. */
  private negative(): number {
    let value = 0n;
    for (let i = 0n; i < 10n; i += 1n) {
      value |= BigInt(this.buffer[this.at - 10 + Number(i)]! & 0x7f) << (7n * i);
    }
    return Number(BigInt.asIntN(64, value));
  }
}
