import { isJsonObject, type KubeObject, parseGroupVersion, quote } from '#apimachinery';
import { convertedMetadata, MetadataError } from './converted-metadata.js';

/** ConversionReview, the question to a conversion webhook and its answer: facts of apiextensions-apiserver's webhook converter. */

const GROUP = 'apiextensions.k8s.io';
const KNOWN_VERSIONS = ['v1', 'v1beta1'];

export interface Review {
  readonly version: string;
  readonly uid: string;
  readonly body: object;
}

/** What the reference counts a failed conversion as. */
export type ConversionFailure =
  | 'conversion_webhook_call_failure'
  | 'conversion_webhook_malformed_response_failure'
  | 'conversion_webhook_partial_response_failure'
  | 'conversion_webhook_invalid_converted_object_failure';

export class ConversionError extends Error {
  constructor(
    message: string,
    readonly failure: ConversionFailure,
  ) {
    super(message);
  }
}

/** In the first of the versions that the webhook takes and we speak. Throws an Error when there is none. */
export function conversionReview(
  versions: readonly string[],
  objects: readonly KubeObject[],
  desiredAPIVersion: string,
  uid: string,
): Review {
  const version = versions.find((candidate) => KNOWN_VERSIONS.includes(candidate));
  if (version === undefined) throw new Error('no supported conversion review versions');
  const body = {
    kind: 'ConversionReview',
    apiVersion: `${GROUP}/${version}`,
    request: { uid, desiredAPIVersion, objects },
  };
  return { version, uid, body };
}

/** The objects of an answer, as the webhook made them of `objects`. Throws ConversionError. */
export function reviewedObjects(
  review: Review,
  answer: unknown,
  objects: readonly KubeObject[],
  desiredAPIVersion: string,
): KubeObject[] {
  const who = `conversion webhook for ${kindText(objects[0]!)}`;
  let converted: unknown[];
  try {
    converted = convertedOf(review, answer);
  } catch (error) {
    throw new ConversionError(
      `${who} failed: ${(error as Error).message}`,
      'conversion_webhook_malformed_response_failure',
    );
  }
  if (converted.length !== objects.length) {
    const text = `${who} returned ${converted.length} objects, expected ${objects.length}`;
    throw new ConversionError(text, 'conversion_webhook_partial_response_failure');
  }
  return objects.map((original, at) => {
    try {
      return checkedObject(original, converted[at], desiredAPIVersion);
    } catch (error) {
      const text = `${who} returned ${invalidPart(error, objects.length, at)}: ${(error as Error).message}`;
      throw new ConversionError(text, 'conversion_webhook_invalid_converted_object_failure');
    }
  });
}

/** `example.com/v1, Kind=Widget`, as Go prints a GroupVersionKind. */
export function kindText({ apiVersion, kind }: KubeObject): string {
  return `${apiVersion}, Kind=${kind}`;
}

function convertedOf({ version, uid }: Review, answer: unknown): unknown[] {
  if (!isJsonObject(answer)) throw new Error('no response provided');
  if (version === 'v1') {
    const expected = { apiVersion: `${GROUP}/v1`, kind: 'ConversionReview' } as KubeObject;
    const given = { apiVersion: text(answer['apiVersion']), kind: text(answer['kind']) } as KubeObject;
    if (given.apiVersion !== expected.apiVersion || given.kind !== expected.kind) {
      throw new Error(`expected webhook response of ${kindText(expected)}, got ${kindText(given)}`);
    }
  }
  const response = answer['response'];
  if (!isJsonObject(response)) throw new Error('no response provided');
  if (version === 'v1' && response['uid'] !== uid) {
    throw new Error(`expected response.uid=${quote(uid)}, got ${quote(text(response['uid']))}`);
  }
  const result = isJsonObject(response['result']) ? response['result'] : {};
  if (result['status'] !== 'Success') {
    const message = text(result['message']);
    throw new Error(message || `response.result.status was '${text(result['status'])}', not 'Success'`);
  }
  const { convertedObjects } = response;
  return Array.isArray(convertedObjects) ? convertedObjects : [];
}

function checkedObject(original: KubeObject, converted: unknown, desiredAPIVersion: string): KubeObject {
  if (!isJsonObject(converted)) throw new ObjectError('unstructured object has no kind');
  const given = { apiVersion: text(converted['apiVersion']), kind: text(converted['kind']) };
  if (given.kind === '') throw new ObjectError("Object 'Kind' is missing");
  if (given.apiVersion !== desiredAPIVersion) {
    const wanted = parseGroupVersion(desiredAPIVersion)!;
    const got = parseGroupVersion(given.apiVersion) ?? { group: '', version: given.apiVersion };
    throw new ObjectError(`invalid groupVersion (expected ${shown(wanted)}, received ${shown(got)})`);
  }
  if (given.kind !== original.kind) {
    throw new ObjectError(`invalid kind (expected ${original.kind}, received ${given.kind})`);
  }
  checkIdentity(original, converted);
  const { apiVersion: _, kind: __, metadata, ...rest } = converted;
  return { ...given, metadata: convertedMetadata(original.metadata, metadata), ...rest };
}

class ObjectError extends Error {}

/** The metadata that no conversion changes: what is not here is not taken from the answer at all. */
function checkIdentity(original: KubeObject, converted: Record<string, unknown>): void {
  const { metadata } = converted;
  const given = isJsonObject(metadata) ? metadata : {};
  for (const [name, shownAs] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const expected = original.metadata[name] ?? '';
    const got = text(given[name]);
    if (got !== expected) throw new Error(`must have the same ${shownAs}: ${expected} != ${got}`);
  }
}

/** What the reference calls the part of the answer that is wrong: it depends on how many objects were asked for. */
function invalidPart(error: unknown, count: number, at: number): string {
  const isMetadata = error instanceof MetadataError;
  if (count > 1) return `${isMetadata ? 'invalid metadata in' : 'invalid converted'} object at index ${at}`;
  if (isMetadata) return 'invalid metadata';
  return error instanceof ObjectError ? 'invalid object at index 0' : 'invalid object';
}

function shown({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
