import {
  appendAll,
  badRequest,
  deepCopy,
  isJsonObject,
  JsonSyntaxError,
  jsonTypeName,
  type KubeObject,
  notJson,
  parseGroupVersion,
  strictErrors,
  undecodableObject,
  unrecognizedObject,
} from '#apimachinery';
import { type Decoded, DecodeError, decodeAs, type SubresourceDefinition } from '#kinds';
import { jsonOf, messageOf } from './body-ahead.js';
import { negotiateInput } from './negotiation.js';
import { decodeMessage, readEnvelope } from './protobuf/wire-decoder.js';
import { WireError } from './protobuf/wire-messages.js';
import type { RequestBody } from './request-body.js';
import { yamlOf } from './yaml-body.js';
import { YAML_ERRORS, YamlError } from './yaml-text.js';

/** What is done about unknown and repeated fields. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** What a body has to be. */
export interface ExpectedKind {
  group: string;
  version: string;
  kind: string;
  schemaName: string;
  /** Set for custom resources, which have no protobuf form. */
  custom?: unknown;
  /** Brings parsed JSON into the form in which it is kept, in place. Throws DecodeError. */
  decode(value: unknown): Decoded;
}

/** A kind of the release that is no resource. */
export function expectedKind(group: string, version: string, kind: string, schemaName: string): ExpectedKind {
  return { group, version, kind, schemaName, decode: (value) => decodeAs(schemaName, value) };
}

/** The kind that a subresource takes, where it is not the parent's. */
export function subresourceKind({ group, version, kind }: SubresourceDefinition): ExpectedKind {
  const family = group === '' ? 'core' : group.split('.')[0];
  return expectedKind(group, version, kind, `io.k8s.api.${family}.${version}.${kind}`);
}

/**
 * The body as an object of the expected kind, in the form in which the server keeps it: the caller's own copy, unknown
 * fields dropped, scalars in normal form. Unknown and repeated fields are refused, warned about or ignored as
 * `validation` says.
 */
export function decodeBody(
  request: RequestBody,
  expected: ExpectedKind,
  validation: FieldValidation,
  warnings: string[],
): KubeObject {
  const { value, strict, body, json } = parseBody(request, expected, validation);
  const object = settle(checkKind(value, expected, body), expected, validation, strict, warnings, json);
  request.record?.sentObject(object);
  return object;
}

/** As decodeBody, for an object that a patch made. */
export function decodeObjectAs(
  object: Record<string, unknown>,
  expected: ExpectedKind,
  validation: FieldValidation,
  strict: string[],
  warnings: string[],
): KubeObject {
  return settle(object, expected, validation, strict, warnings);
}

function settle(
  object: Record<string, unknown>,
  expected: ExpectedKind,
  validation: FieldValidation,
  strict: readonly string[],
  warnings: string[],
  json: Buffer = NO_BODY,
): KubeObject {
  let decoded: Decoded;
  try {
    decoded = expected.decode(object);
  } catch (error) {
    if (error instanceof DecodeError) throw undecodableObject(expected.kind, expected.version, error.message);
    throw error;
  }
  if (validation !== 'Ignore' && (strict.length > 0 || decoded.unknownFields.length > 0)) {
    const problems = strictErrors(json, strict, decoded.unknownFields);
    if (validation === 'Strict') {
      throw undecodableObject(expected.kind, expected.version, `strict decoding error: ${problems.join(', ')}`);
    }
    appendAll(warnings, problems.flatMap(warningLines));
  }
  const result = decoded.object as KubeObject;
  result.metadata ??= {};
  return result;
}

/** The YAML reader's error holds several: each is a warning of its own. */
export function warningLines(problem: string): string[] {
  if (!problem.startsWith(YAML_ERRORS)) return [problem];
  return problem
    .slice(YAML_ERRORS.length)
    .split('\n')
    .map((line) => line.trim());
}

interface ParsedBody {
  value: unknown;
  /** Repeated keys, as strict decoding reports them. */
  strict: readonly string[];
  body: Buffer;
  /** The body where it is JSON: strict errors follow its text. */
  json?: Buffer;
}

const NO_BODY = Buffer.alloc(0);

function parseBody(request: RequestBody, expected: ExpectedKind, validation: FieldValidation): ParsedBody {
  const { kind } = expected;
  const { body } = request;
  if (body !== undefined && !Buffer.isBuffer(body)) return { value: deepCopy(body), strict: [], body: NO_BODY };
  const bytes = body ?? NO_BODY;
  const format = negotiateInput(request.contentType);
  if (format === 'yaml') return { ...fromYaml(request, kind, bytes), body: bytes };
  if (format === 'protobuf') return { value: parseProtobuf(bytes, expected, request), strict: [], body: bytes };
  try {
    const { value, duplicates } = jsonOf(request, bytes, validation !== 'Ignore');
    return { value, strict: duplicates, body: bytes, json: bytes };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw notJson(kind, error, bytes);
    throw error;
  }
}

function fromYaml(request: RequestBody, kind: string, bytes: Buffer): Pick<ParsedBody, 'value' | 'strict'> {
  try {
    const yaml = yamlOf(request);
    return { value: yaml.value(), strict: yaml.strict };
  } catch (error) {
    if (error instanceof YamlError) throw unrecognizedObject(kind, error.message, bytes);
    throw error;
  }
}

/** Only what is of the expected kind can be read: the bytes say nothing of their structure. */
export function parseProtobuf(bytes: Buffer, expected: ExpectedKind, request?: RequestBody): unknown {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    if (kind !== '' && kind !== expected.kind) return { apiVersion, kind };
    if (expected.custom) throw noMessage(expected);
    const ahead = request && messageOf(request, expected.schemaName);
    return { apiVersion, kind, ...(ahead ?? decodeMessage(expected.schemaName, raw)) };
  } catch (error) {
    if (error instanceof WireError) throw unrecognizedObject(expected.kind, error.message, bytes);
    throw error;
  }
}

function noMessage({ kind, version }: ExpectedKind): Error {
  return badRequest(
    `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message`,
  );
}

/** What the reference says of an object whose kind or apiVersion is no text; undefined for all others. */
export function unreadableType(value: Record<string, unknown>): string | undefined {
  const name = (['kind', 'apiVersion'] as const).find((field) => typeof (value[field] ?? '') !== 'string');
  if (name === undefined) return undefined;
  return `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonTypeName(value[name])} into Go struct field .${name} of type string`;
}

/** Fills in a missing kind and apiVersion, and refuses others than the endpoint's. */
function checkKind(given: unknown, expected: ExpectedKind, body: Buffer): Record<string, unknown> {
  // Go's reader takes null for an object without fields.
  const value = given ?? {};
  if (!isJsonObject(value)) {
    const cause = `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonTypeName(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`;
    throw unrecognizedObject(expected.kind, cause, body);
  }
  const apiVersion = expected.group === '' ? expected.version : `${expected.group}/${expected.version}`;
  const cause = unreadableType(value);
  if (cause !== undefined) throw unrecognizedObject(expected.kind, cause, body);
  const kind = (value.kind as string | null | undefined) || expected.kind;
  const version = (value.apiVersion as string | null | undefined) || apiVersion;
  if (kind !== expected.kind) {
    const short = parseGroupVersion(version)?.version ?? version;
    throw badRequest(
      `${kind} in version ${JSON.stringify(short)} cannot be handled as a ${expected.kind}: converting (${version}.${kind}) to (${apiVersion}.${expected.kind}): unknown conversion`,
    );
  }
  if (version !== apiVersion) {
    throw badRequest(
      `the API version in the data (${version}) does not match the expected API version (${apiVersion})`,
    );
  }
  value.kind = kind;
  value.apiVersion = version;
  return value;
}
