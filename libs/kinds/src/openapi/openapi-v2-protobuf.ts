import { ownValue } from '#apimachinery';

/**
 * An OpenAPI v2 document in the protobuf form that kubectl and client-go ask for. Fact: numbers and names of fields are
 * those of openapiv2/OpenAPIv2.proto in github.com/google/gnostic-models v0.7.
 */

/** The media type that is answered. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What clients ask for, though `@` may not stand in a media type. */
export const OPENAPI_V2_PROTOBUF_ASKED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

type Json = Record<string, any>;
/** The content of a value after its tag; `undefined`: the value is not written. */
type Encode = (number: number, value: any) => Buffer;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const EXTENSION = 'x-';

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

const tag = (number: number, wireType: number) => varint(number * 8 + wireType);
const bytes = (number: number, content: Buffer) => Buffer.concat([tag(number, BYTES), varint(content.length), content]);

const text: Encode = (number, value) => bytes(number, Buffer.from(String(value)));
const flag: Encode = (number, value) => Buffer.concat([tag(number, VARINT), varint(value ? 1 : 0)]);
/** Limits of lengths and counts: never negative. */
const count: Encode = (number, value) => Buffer.concat([tag(number, VARINT), varint(value)]);
const double: Encode = (number, value) => {
  const content = Buffer.alloc(8);
  content.writeDoubleLE(value);
  return Buffer.concat([tag(number, FIXED64), content]);
};
/** A value of any type is YAML, which JSON is. */
const any: Encode = (number, value) => bytes(number, text(2, `${JSON.stringify(value)}\n`));

const listOf =
  (encode: Encode): Encode =>
  (number, value: unknown[]) =>
    Buffer.concat(value.map((item) => encode(number, item)));

/** A map is a repeated message of name and value. */
const namedOf =
  (encode: Encode): Encode =>
  (number, value: Json) =>
    Buffer.concat(Object.entries(value).map(([name, item]) => named(number, name, item, encode)));

const named = (number: number, name: string, value: unknown, encode: Encode) =>
  bytes(number, Buffer.concat([text(1, name), encode(2, value)]));

/** A message that holds one thing. */
const inside =
  (inner: number, encode: Encode): Encode =>
  (number, value) =>
    bytes(number, encode(inner, value));

type Fields = Readonly<Record<string, readonly [number: number, encode: Encode]>>;

/** Fields by their JSON names; those that begin with `x-` are extensions. Others are not of the format, and left out. */
const message =
  (fields: () => Fields, extensions?: number): Encode =>
  (number, value) =>
    bytes(number, contentOf(fields(), extensions, value));

function contentOf(fields: Fields, extensions: number | undefined, value: Json): Buffer {
  const parts: Buffer[] = [];
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field !== undefined) parts.push(field[1](field[0], item));
    else if (extensions !== undefined && name.startsWith(EXTENSION)) parts.push(named(extensions, name, item, any));
  }
  return Buffer.concat(parts);
}

/** `$ref` stands for what it names. */
const orReference =
  (encode: Encode): Encode =>
  (number, value) =>
    bytes(number, '$ref' in value ? inside(1, text)(2, value.$ref) : encode(1, value));

const LIMITS = (first: number): Fields => ({
  maximum: [first, double],
  exclusiveMaximum: [first + 1, flag],
  minimum: [first + 2, double],
  exclusiveMinimum: [first + 3, flag],
  maxLength: [first + 4, count],
  minLength: [first + 5, count],
  pattern: [first + 6, text],
  maxItems: [first + 7, count],
  minItems: [first + 8, count],
  uniqueItems: [first + 9, flag],
});

const schema: Encode = (number, value) => bytes(number, contentOf(SCHEMA, 31, value));
const SCHEMA: Fields = {
  $ref: [1, text],
  format: [2, text],
  title: [3, text],
  description: [4, text],
  default: [5, any],
  multipleOf: [6, double],
  ...LIMITS(7),
  maxProperties: [17, count],
  minProperties: [18, count],
  required: [19, listOf(text)],
  enum: [20, listOf(any)],
  additionalProperties: [
    21,
    (number, value) => bytes(number, typeof value === 'boolean' ? flag(2, value) : schema(1, value)),
  ],
  type: [22, (number, value) => bytes(number, listOf(text)(1, [value].flat()))],
  items: [23, (number, value) => bytes(number, listOf(schema)(1, [value].flat()))],
  allOf: [24, listOf(schema)],
  properties: [25, inside(1, namedOf(schema))],
  readOnly: [27, flag],
  example: [30, any],
};

const items: Encode = message(() => ITEMS, 18);
const ITEMS: Fields = {
  type: [1, text],
  format: [2, text],
  items: [3, (number, value) => items(number, value)],
  collectionFormat: [4, text],
  default: [5, any],
  ...LIMITS(6),
  enum: [16, listOf(any)],
  multipleOf: [17, double],
};

const PLACE: Fields = { required: [1, flag], in: [2, text], description: [3, text], name: [4, text] };
const valueFrom = (first: number): Fields => ({
  type: [first, text],
  format: [first + 1, text],
  items: [first + 2, items],
  collectionFormat: [first + 3, text],
  default: [first + 4, any],
  ...LIMITS(first + 5),
  enum: [first + 15, listOf(any)],
  multipleOf: [first + 16, double],
});
const bare = message(() => ({ ...PLACE, ...valueFrom(5) }), 22);
const emptiable = message(() => ({ ...PLACE, allowEmptyValue: [5, flag], ...valueFrom(6) }), 23);
const PLACES: Readonly<Record<string, readonly [number: number, encode: Encode]>> = {
  header: [1, bare],
  formData: [2, emptiable],
  query: [3, emptiable],
  path: [4, bare],
};
const body = message(
  () => ({ description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] }),
  6,
);
const parameter: Encode = (number, value) => {
  if (value.in === 'body') return bytes(number, body(1, value));
  const [place, encode] = ownValue(PLACES, value.in as string)!;
  return bytes(number, bytes(2, encode(place, value)));
};

const response = message(() => ({ description: [1, text], schema: [2, inside(1, schema)] }), 5);
const parameters = listOf(orReference(parameter));
const security = listOf(inside(1, namedOf(inside(1, listOf(text)) as Encode)));

const OPERATION: Fields = {
  tags: [1, listOf(text)],
  summary: [2, text],
  description: [3, text],
  operationId: [5, text],
  produces: [6, listOf(text)],
  consumes: [7, listOf(text)],
  parameters: [8, parameters],
  responses: [9, inside(1, namedOf(orReference(response)))],
  schemes: [10, listOf(text)],
  deprecated: [11, flag],
  security: [12, security],
};
const operation = message(() => OPERATION, 13);
const pathItem = message(
  () => ({
    $ref: [1, text],
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    options: [6, operation],
    head: [7, operation],
    patch: [8, operation],
    parameters: [9, parameters],
  }),
  10,
);

const apiKey = message(() => ({ type: [1, text], name: [2, text], in: [3, text], description: [4, text] }), 5);
const HEAD: Fields = {
  swagger: [1, text],
  info: [2, message(() => ({ title: [1, text], version: [2, text], description: [3, text] }), 7)],
  host: [3, text],
  basePath: [4, text],
  schemes: [5, listOf(text)],
  consumes: [6, listOf(text)],
  produces: [7, listOf(text)],
  parameters: [10, inside(1, namedOf(parameter))],
  responses: [11, inside(1, namedOf(response))],
  security: [12, security],
  securityDefinitions: [13, inside(1, namedOf(inside(2, apiKey)))],
};

/** The document in parts, so that others have a turn between them: their concatenation is the message. */
export function* openApiV2Protobuf(document: Json): Generator<Buffer, void> {
  yield contentOf(HEAD, 16, document);
  // Of a message that is there twice the repeated fields are joined.
  for (const [name, item] of Object.entries(document['paths'] ?? {})) yield bytes(8, named(2, name, item, pathItem));
  for (const [name, item] of Object.entries(document['definitions'] ?? {})) {
    yield bytes(9, named(1, name, item, schema));
  }
}
