import { bare, parseDuration } from '#apimachinery';
import { fieldsOf, type WireFields } from './wire-messages.js';
import { WireWriter } from './wire-writer.js';

/**
 * Writes objects in the protobuf encoding, byte by byte as Go's generated encoders do: fields by their numbers, fields of values always
 * and those of pointers where they are set, maps in the order of their keys.
 */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

type Fields = Readonly<Record<string, unknown>>;

/** Writes a value that is there, tag last. */
type Write = (writer: WireWriter, value: any) => void;

interface FieldPlan {
  readonly name: string;
  readonly write: Write;
  /** Writes what Go writes where the object has no such field; undefined: nothing. */
  readonly writeZero: ((writer: WireWriter) => void) | undefined;
}

/** How a message is written; by name, made when it is first met. */
type MessagePlan = Write;

const plans = new Map<string, MessagePlan>();
const shared = new WireWriter();
const NOTHING: Fields = Object.freeze({});

/** The message of an object. Fields that the message has not are left out. */
export function encodeMessage(message: string, object: object): Buffer {
  shared.reset();
  planOf(message)(shared, object);
  return shared.take();
}

/** The same as a field of another message, to be kept. */
export function encodeField(number: number, message: string, object: object): Buffer {
  shared.reset();
  single(number, message)(shared, object);
  return shared.take(true);
}

function planOf(message: string): MessagePlan {
  let plan = plans.get(message);
  if (!plan) {
    plan = SPECIAL[message] ?? fieldwise(message);
    plans.set(message, plan);
  }
  return plan;
}

/** Messages refer to each other in circles: the fields are looked at with the first object. */
function fieldwise(message: string): MessagePlan {
  const numbers = fieldsOf(message);
  let fields: FieldPlan[] | undefined;
  return (writer, object: Fields) => {
    fields ??= fieldPlans(numbers);
    for (const { name, write, writeZero } of fields) {
      // own-lookup: a name of the schema; '' is the object itself
      const value = name === '' ? object : object[name];
      if (value !== undefined && value !== null) write(writer, value);
      else if (writeZero) writeZero(writer);
    }
  };
}

/** The last first, as they are written. */
function fieldPlans(numbers: WireFields): FieldPlan[] {
  return Object.entries(numbers)
    .map(([number, [name, type, always]]): FieldPlan => {
      const key = Number(number);
      if (type[0] === '[') return { name, write: listOf(key, type.slice(1)), writeZero: undefined };
      if (type[0] === '{') return { name, write: mapOf(key, type.slice(1)), writeZero: undefined };
      if (type[0] === '~') return { name: '', write: single(key, type.slice(1)), writeZero: undefined };
      const write = single(key, type);
      const zero = zeroOf(type);
      return { name, write, writeZero: always ? (writer) => write(writer, zero) : undefined };
    })
    .reverse();
}

function zeroOf(type: string): unknown {
  switch (type) {
    case 's':
      return '';
    case 'b':
      return false;
    case 'i':
    case 'd':
      return 0;
    default:
      return Object.hasOwn(ZERO, type) ? ZERO[type] : NOTHING;
  }
}

/** Zero values of messages whose JSON form is no object. */
const ZERO = bare<unknown>({
  'meta.v1.Time': '',
  'meta.v1.MicroTime': '',
  'meta.v1.Duration': '0s',
  'api.resource.Quantity': '0',
  'util.intstr.IntOrString': 0,
  'apiextensions.v1.JSON': null,
  'pkg.runtime.RawExtension': null,
});

function single(number: number, type: string): Write {
  const tag = (wireType: number) => number * 8 + wireType;
  switch (type) {
    case 's':
      return (writer, value) => {
        writer.text(typeof value === 'string' ? value : String(value));
        writer.varint(tag(LENGTH));
      };
    case 'b':
      return (writer, value) => {
        writer.byte(value ? 1 : 0);
        writer.varint(tag(VARINT));
      };
    case 'i':
      return (writer, value) => {
        writer.varint(Number(value));
        writer.varint(tag(VARINT));
      };
    case 'd':
      return (writer, value) => {
        writer.double(Number(value));
        writer.varint(tag(FIXED64));
      };
    case 'y':
      return (writer, value) => {
        const bytes = Buffer.from(String(value), 'base64');
        writer.bytes(bytes);
        writer.varint(bytes.length);
        writer.varint(tag(LENGTH));
      };
    default: {
      let plan: MessagePlan | undefined;
      return (writer, value) => {
        const { size } = writer;
        (plan ??= planOf(type))(writer, value);
        writer.varint(writer.size - size);
        writer.varint(tag(LENGTH));
      };
    }
  }
}

/** Each element has a tag of its own, also where they are numbers. */
function listOf(number: number, type: string): Write {
  const write = single(number, type);
  const zero = zeroOf(type);
  return (writer, value: readonly unknown[]) => {
    for (let i = value.length - 1; i >= 0; i -= 1) write(writer, value[i] ?? zero);
  };
}

/** A map is a list of messages of key and value. */
function mapOf(number: number, type: string): Write {
  const writeKey = single(1, 's');
  const writeValue = single(2, type);
  const zero = zeroOf(type);
  return (writer, value: Fields) => {
    const keys = Object.keys(value).sort();
    for (let i = keys.length - 1; i >= 0; i -= 1) {
      const { size } = writer;
      const key = keys[i]!;
      // own-lookup: one of its own keys
      const content = value[key];
      if (content !== null || type !== 'y') writeValue(writer, content ?? zero);
      writeKey(writer, key);
      writer.varint(writer.size - size);
      writer.varint(number * 8 + LENGTH);
    }
  };
}

const firstNumber = single(1, 'i');
const secondNumber = single(2, 'i');
const firstText = single(1, 's');
const thirdText = single(3, 's');
const firstFlag = single(1, 'b');
const texts = listOf(1, 's');
const firstSchema = single(1, 'apiextensions.v1.JSONSchemaProps');
const secondSchema = single(2, 'apiextensions.v1.JSONSchemaProps');
const secondSchemas = listOf(2, 'apiextensions.v1.JSONSchemaProps');
const secondTexts = listOf(2, 's');

/** Messages whose JSON form is no object of their fields. */
const SPECIAL = bare<Write>({
  'meta.v1.Time': (writer, value: string) => time(writer, value, 0),
  'meta.v1.MicroTime': (writer, value: string) => time(writer, value, microseconds(value) * 1000),
  'meta.v1.Duration': (writer, value: string) => firstNumber(writer, Math.round(parseDuration(value) * 1e6)),
  'api.resource.Quantity': firstText,
  'util.intstr.IntOrString': (writer, value: string | number) => {
    const isText = typeof value === 'string';
    thirdText(writer, isText ? value : '');
    secondNumber(writer, isText ? 0 : value);
    firstNumber(writer, isText ? 1 : 0);
  },
  'pkg.runtime.RawExtension': rawJson,
  'meta.v1.FieldsV1': rawJson,
  'apiextensions.v1.JSON': rawJson,
  'meta.v1.Verbs': texts,
  'authentication.v1.ExtraValue': texts,
  'authentication.v1.AttestationValue': texts,
  'authorization.v1.ExtraValue': texts,
  'certificates.v1.ExtraValue': texts,
  'apiextensions.v1.JSONSchemaPropsOrBool': (writer, value: object | boolean) => {
    if (typeof value === 'object') secondSchema(writer, value);
    firstFlag(writer, value);
  },
  'apiextensions.v1.JSONSchemaPropsOrArray': (writer, value: object | object[]) => {
    if (Array.isArray(value)) secondSchemas(writer, value);
    else firstSchema(writer, value);
  },
  'apiextensions.v1.JSONSchemaPropsOrStringArray': (writer, value: object | string[]) => {
    if (Array.isArray(value)) secondTexts(writer, value);
    else firstSchema(writer, value);
  },
});

function rawJson(writer: WireWriter, value: unknown): void {
  if (value !== null) firstText(writer, JSON.stringify(value));
}

/** The zero time is an empty message. */
function time(writer: WireWriter, text: string, nanoseconds: number): void {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) return;
  secondNumber(writer, nanoseconds);
  firstNumber(writer, Math.floor(milliseconds / 1000));
}

/** Of its second. */
function microseconds(text: string): number {
  const fraction = /\.(\d{1,6})/.exec(text)?.[1] ?? '';
  return Number(fraction.padEnd(6, '0'));
}
