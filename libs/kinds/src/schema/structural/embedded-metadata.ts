import {
  type FieldError,
  field,
  fieldErrorText,
  isDNS1035Label,
  isJsonObject,
  type ObjectMeta,
  ownValue,
  parseGroupVersion,
  setOwn,
} from '#apimachinery';
import { pathSegmentName } from '../../meta/names.js';
import { validateObjectMeta } from '../../meta/object-meta.validation.js';
import { FieldCursor } from '../../validation/field-cursor.js';
import { DecodeError, decode } from '../decode.js';
import { structType } from '../type-graph.js';
import { eachMember, reaching, type Structural } from './structural.js';
import type { UnknownFields } from './unknown-fields.js';

/** apiVersion, kind and metadata of resources within resources: apiextensions-apiserver's schema/objectmeta. */

export const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const TYPE_FIELDS = ['apiVersion', 'kind'];
const isEmbedded = (place: Structural): boolean => place.schema['x-kubernetes-embedded-resource'] === true;
const embeds = reaching(isEmbedded);

/**
 * Brings metadata of embedded resources into the form of ObjectMeta, in place, and tells what that does not have. Throws
 * MalformedMetadata for what has another type. The cursor is at the value.
 */
export function coerceMetadata(
  value: unknown,
  place: Structural,
  unknown: UnknownFields,
  at: FieldCursor = new FieldCursor(),
): void {
  eachEmbedded(at, value, place, (resource, at) => {
    for (const name of TYPE_FIELDS) {
      const text = ownValue(resource, name);
      if (text !== undefined && typeof text !== 'string') throw malformed(at, name, text, 'must be a string');
    }
    const metadata = ownValue(resource, 'metadata');
    if (metadata !== undefined) setOwn(resource, 'metadata', decodedMetadata(at, metadata, unknown));
  });
}

function decodedMetadata(at: FieldCursor, metadata: unknown, unknown: UnknownFields): unknown {
  try {
    const { object, unknownFields } = decodeMetadata(metadata);
    for (const path of unknownFields) unknown.addPath(`${at.path('metadata')}.${path}`);
    return object;
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(at, 'metadata', metadata, error.message);
    throw error;
  }
}

/** Metadata that cannot be read, and where it is. */
export class MalformedMetadata extends DecodeError {
  constructor(readonly problem: FieldError) {
    super(fieldErrorText(problem));
  }
}

function malformed(at: FieldCursor, name: string, value: unknown, detail: string): DecodeError {
  return new MalformedMetadata(field.invalid(at.path(name), value, detail));
}

/** Null is metadata without fields. Changes what it is given. Throws DecodeError. */
export function decodeMetadata(metadata: unknown) {
  return decode(structType(OBJECT_META), metadata ?? {});
}

/** As coerceMetadata for what was stored before anybody checked it: fields of another type go. */
export function dropMalformedMetadata(value: unknown, place: Structural): void {
  eachEmbedded(new FieldCursor(), value, place, (resource) => {
    for (const name of TYPE_FIELDS) {
      const text = ownValue(resource, name);
      // own-lookup: one of two names
      if (text !== undefined && typeof text !== 'string') delete resource[name];
    }
    const metadata = ownValue(resource, 'metadata');
    if (metadata === null || isJsonObject(metadata)) setOwn(resource, 'metadata', readableMetadata(metadata ?? {}));
  });
}

/** What can be read of metadata, field by field where it cannot be read whole. */
export function readableMetadata(metadata: Record<string, unknown>): Record<string, unknown> {
  try {
    return decodeMetadata(structuredClone(metadata)).object;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  const readable: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(metadata)) {
    try {
      const { object } = decodeMetadata({ [name]: value });
      for (const [known, decoded] of Object.entries(object)) setOwn(readable, known, decoded);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
  return readable;
}

/** Checks embedded resources. The root is not one: its metadata is checked with all metadata. */
export function checkEmbedded(at: FieldCursor, value: unknown, place: Structural): void {
  eachEmbedded(at, value, place, (resource) => checkResource(at, resource));
}

/** Visits embedded resources, the outer before the inner, with the cursor at each. */
function eachEmbedded(
  at: FieldCursor,
  value: unknown,
  place: Structural,
  visit: (resource: Record<string, unknown>, at: FieldCursor) => void,
): void {
  if (typeof value !== 'object' || value === null || !embeds(place)) return;
  if (!Array.isArray(value) && isEmbedded(place)) visit(value as Record<string, unknown>, at);
  eachMember(at, value, place, (item, below) => eachEmbedded(at, item, below, visit));
}

function checkResource(at: FieldCursor, resource: Record<string, unknown>): void {
  checkText(at, resource, 'apiVersion', (version) =>
    parseGroupVersion(version) === undefined ? `unexpected GroupVersion string: ${version}` : undefined,
  );
  checkText(at, resource, 'kind', (kind) => {
    const problems = isDNS1035Label(kind.toLowerCase());
    if (problems.length === 0) return undefined;
    return `may have mixed case, but should otherwise match: ${problems.join(',')}`;
  });
  const metadata = ownValue(resource, 'metadata');
  if (metadata === undefined) return;
  try {
    const meta: ObjectMeta = decodeMetadata(structuredClone(metadata)).object;
    at.add(metadataErrors(meta).map((error) => below(at.path().toString(), error)));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    at.invalid('metadata', metadata, error.message);
  }
}

function checkText(
  at: FieldCursor,
  resource: Record<string, unknown>,
  name: string,
  problemOf: (text: string) => string | undefined,
): void {
  const text = ownValue(resource, name);
  if (text === undefined) at.required(name);
  else if (typeof text !== 'string') at.invalid(name, text, 'must be a string');
  else if (text === '') at.invalid(name, text, 'must not be empty');
  else {
    const problem = problemOf(text);
    if (problem !== undefined) at.invalid(name, text, problem);
  }
}

function metadataErrors(meta: ObjectMeta): FieldError[] {
  const named = { ...meta, name: meta.name || 'fakename' };
  const namespaced = (meta.namespace ?? '') !== '';
  return validateObjectMeta(named, { namespaced, checkName: pathSegmentName, shortFinalizers: true });
}

/** The error of an object that is itself at `path`. */
function below(path: string, error: FieldError): FieldError {
  if (path === '') return error;
  return {
    field: `${path}.${error.field}`,
    reason: error.reason,
    get message() {
      return error.message;
    },
  };
}
