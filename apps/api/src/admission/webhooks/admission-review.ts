import { randomUUID } from 'node:crypto';
import {
  type GroupVersionKind,
  isJsonObject,
  jsonTypeName,
  type KubeObject,
  parseGroupVersion,
  type Status,
  statusErrorFrom,
} from '#apimachinery';
import { DecodeError, decodeAs } from '#kinds';
import type { AdmissionRequest } from '../admission-request.js';
import type { ReviewRequest } from './review-request.js';
import type { Candidate } from './webhook-source.js';

/** `response` of an AdmissionReview, as far as the server acts on it. */
export interface ReviewResponse {
  readonly allowed: boolean;
  readonly result: Partial<Status> | undefined;
  /** JSON text of a patch; '' when there is none. */
  readonly patch: string;
  readonly patchType: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: ReadonlyMap<string, string>;
}

/** An answer that is no usable AdmissionReview; the message has the reference's words. */
export class InvalidReview extends Error {
  constructor(
    message: string,
    /** It could not even be decoded. */
    readonly isUnreadable = false,
  ) {
    super(message);
  }
}

const GROUP = 'admission.k8s.io';
const KIND = 'AdmissionReview';
const VERSIONS = ['v1', 'v1beta1'];

/** The first version of the webhook's that the server speaks; undefined when there is none. */
export function reviewVersionOf(versions: readonly string[]): string | undefined {
  return versions.find((version) => VERSIONS.includes(version));
}

/** As the types of admission.k8s.io write it: what is empty is left out, and objects that are not there are null. */
export function reviewRequest(
  request: AdmissionRequest,
  { kind, resource }: Pick<Candidate, 'kind' | 'resource'>,
  objects: { object: KubeObject | undefined; oldObject: KubeObject | undefined },
): ReviewRequest {
  const { subresource, requestSubresource, name, namespace, user } = request;
  return {
    uid: randomUUID(),
    ...{ kind, resource },
    ...(subresource === '' ? undefined : { subResource: subresource }),
    requestKind: request.requestKind,
    requestResource: request.requestResource,
    ...(requestSubresource === '' ? undefined : { requestSubResource: requestSubresource }),
    ...(name === '' ? undefined : { name }),
    ...(namespace === '' ? undefined : { namespace }),
    operation: request.operation,
    userInfo: {
      username: user.name,
      ...(user.uid ? { uid: user.uid } : undefined),
      groups: user.groups,
      ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: user.extra } : undefined),
    },
    object: objects.object ?? null,
    oldObject: objects.oldObject ?? null,
    dryRun: request.dryRun,
    options: request.operation === 'CONNECT' ? null : request.options,
  };
}

export function admissionReview(version: string, request: ReviewRequest): object {
  return { kind: KIND, apiVersion: `${GROUP}/${version}`, request };
}

/** What a webhook answered to a review with this uid. Throws InvalidReview. */
export function readReview(answer: unknown, version: string, uid: string, isMutating: boolean): ReviewResponse {
  const review = reviewOf(answer);
  const response = typed(review, 'response', 'object', 'AdmissionReview.response') as Record<string, unknown>;
  if (response === undefined) throw new InvalidReview('webhook response was absent');
  const read = reader(response);
  const result = statusOf(read('status', 'object'));
  const answered = {
    allowed: (read('allowed', 'boolean') as boolean | undefined) ?? false,
    result,
    patch: patchText(read('patch', 'string') as string | undefined),
    patchType: read('patchType', 'string') as string | undefined,
    warnings: texts(read('warnings', 'array') as unknown[] | undefined),
    auditAnnotations: annotations(read('auditAnnotations', 'object') as object | undefined),
  };
  if (version === 'v1') checkV1(review, read('uid', 'string') as string | undefined, uid);
  // The older version never said the type of its patches.
  else return { ...answered, patchType: answered.patch === '' ? '' : 'JSONPatch' };
  checkPatch(answered, isMutating);
  return { ...answered, patchType: answered.patchType ?? '' };
}

const STATUS = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';

/** What the webhook says of its answer, as far as it is a Status: clients get it as it is. */
function statusOf(given: unknown): Partial<Status> | undefined {
  if (given === undefined) return undefined;
  try {
    return decodeAs(STATUS, structuredClone(given)).object as Partial<Status>;
  } catch (error) {
    if (error instanceof DecodeError) throw new InvalidReview(error.message, true);
    throw error;
  }
}

/** A Status of failure in place of a review is what it says. */
function reviewOf(answer: unknown): Record<string, unknown> {
  if (!isJsonObject(answer)) {
    const type = jsonTypeName(answer);
    throw new InvalidReview(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
      true,
    );
  }
  const { kind, status } = answer;
  if (kind === 'Status' && status === 'Failure') throw new InvalidReview(statusErrorFrom(answer, 500).message, true);
  return answer;
}

function checkV1(review: Record<string, unknown>, given = '', uid: string): void {
  if (given !== uid) {
    throw new InvalidReview(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(given)}`);
  }
  const apiVersion = (typed(review, 'apiVersion', 'string', 'apiVersion') as string | undefined) ?? '';
  const kind = (typed(review, 'kind', 'string', 'kind') as string | undefined) ?? '';
  const got = { ...(parseGroupVersion(apiVersion) ?? { group: apiVersion, version: '' }), kind };
  const expected = { group: GROUP, version: 'v1', kind: KIND };
  if (kindText(got) === kindText(expected)) return;
  throw new InvalidReview(`expected webhook response of ${kindText(expected)}, got ${kindText(got)}`);
}

function kindText({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}, Kind=${kind}`;
}

function checkPatch({ patch, patchType }: { patch: string; patchType?: string }, isMutating: boolean): void {
  if (!isMutating) {
    if (patch !== '') throw new InvalidReview('validating webhook may not return response.patch');
    if (patchType !== undefined) throw new InvalidReview('validating webhook may not return response.patchType');
    return;
  }
  if (patch !== '' && patchType === undefined) {
    throw new InvalidReview('webhook returned response.patch but not response.patchType');
  }
  if (patch === '' && patchType !== undefined) {
    throw new InvalidReview('webhook returned response.patchType but not response.patch');
  }
  if (patchType === '') throw new InvalidReview('webhook returned invalid response.patchType of ""');
}

type FieldType = 'string' | 'boolean' | 'object' | 'array';

const GO_TYPES: Readonly<Record<FieldType, string>> = {
  string: 'string',
  boolean: 'bool',
  object: 'map[string]string',
  array: '[]string',
};

function reader(response: Record<string, unknown>) {
  return (name: string, type: FieldType) => typed(response, name, type, `AdmissionResponse.response.${name}`);
}

/** An own field of this type; null is as good as none. */
function typed(from: Record<string, unknown>, name: string, type: FieldType, path: string): unknown {
  const value = Object.hasOwn(from, name) ? from[name] : undefined;
  if (value === undefined || value === null) return undefined;
  const actual = Array.isArray(value) ? 'array' : typeof value;
  if (actual === type) return value;
  throw new InvalidReview(
    `json: cannot unmarshal ${jsonTypeName(value)} into Go struct field ${path} of type ${GO_TYPES[type]}`,
    true,
  );
}

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

function patchText(encoded = ''): string {
  if (!BASE64.test(encoded)) throw new InvalidReview('illegal base64 data in response.patch', true);
  return Buffer.from(encoded, 'base64').toString();
}

function texts(items: readonly unknown[] = []): string[] {
  return items.map((item) => {
    if (typeof item === 'string') return item;
    throw new InvalidReview(
      `json: cannot unmarshal ${jsonTypeName(item)} into Go struct field AdmissionResponse.response.warnings of type string`,
      true,
    );
  });
}

function annotations(given: object = {}): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== 'string') {
      throw new InvalidReview(
        `json: cannot unmarshal ${jsonTypeName(value)} into Go struct field AdmissionResponse.response.auditAnnotations of type string`,
        true,
      );
    }
    found.set(key, value);
  }
  return found;
}
