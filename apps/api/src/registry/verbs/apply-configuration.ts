import {
  appendAll,
  appliedProblemSteps,
  appliedSteps,
  badRequest,
  deepCopy,
  isJsonObject,
  jsonTypeName,
  type KubeObject,
  type Pace,
  pruneNulls,
  type Steps,
  unclassified,
} from '#apimachinery';
import { warningLines } from '../../codec/body-decoder.js';
import { yamlOf } from '../../codec/yaml-body.js';
import { YamlError } from '../../codec/yaml-text.js';
import type { ApiRequest } from '../api-request.js';
import type { WriteRequestOptions } from '../request-options.js';
import { withoutReset } from '../write/reset-fields.js';
import type { Applier, Configuration } from './apply-steps.js';

/** What the manager wants. Throws 400 for what is no such object. */
export function readApplied(
  expected: { apiVersion: string; kind: string },
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): KubeObject {
  const value = readConfiguration(request, options, warnings) ?? {};
  if (!isJsonObject(value)) {
    throw badRequest(
      `error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonTypeName(value)} into Go value of type map[string]interface {}`,
    );
  }
  const applied = pruneNulls(value) as unknown as KubeObject;
  // Of what is no text the reference reads none.
  const [apiVersion, kind] = [applied.apiVersion, applied.kind].map((item) => (typeof item === 'string' ? item : ''));
  if (apiVersion !== expected.apiVersion || kind !== expected.kind) {
    throw badRequest(`invalid object type: ${kindText(apiVersion!, kind!)}`);
  }
  applied.metadata ??= {};
  if (!isJsonObject(applied.metadata)) {
    throw badRequest(
      `error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonTypeName(applied.metadata)} into Go value of type map[string]interface {}`,
    );
  }
  if (applied.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  applied.metadata.name ??= request.name;
  if (applied.metadata.name !== request.name) {
    const { name } = applied.metadata as { name: unknown };
    throw badRequest(
      `the name of the object (${typeof name === 'string' ? name : JSON.stringify(name)}) does not match the name on the URL (${request.name})`,
    );
  }
  return applied;
}

/** What the manager wants and owns by it. Throws 500, as the reference, for what does not fit the type. */
export function* configurationSteps(
  { schema, reset }: Applier,
  applied: KubeObject,
  pace: Pace | undefined,
): Steps<Configuration> {
  const problems = yield* appliedProblemSteps(schema, applied, pace);
  if (problems.length > 0) throw misfit(applied, problems);
  return { applied, set: yield* appliedSteps(schema, withoutReset(applied, undefined, reset), pace) };
}

function misfit({ apiVersion, kind, metadata }: KubeObject, problems: readonly string[]): Error {
  const text = problems.length === 1 ? problems[0] : ['errors:', ...problems.map((line) => `  ${line}`)].join('\n');
  return unclassified(
    `failed to create typed patch object (${metadata.namespace ?? ''}/${metadata.name}; ${kindText(apiVersion!, kind!)}): ${text}`,
  );
}

/** As Go writes a GroupVersionKind. */
function kindText(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}

/** Keys that it has twice are refused or warned about as asked for. Throws 400 for what is no YAML. */
function readConfiguration(request: ApiRequest, { fieldValidation }: WriteRequestOptions, warnings: string[]): unknown {
  const { body } = request;
  if (!Buffer.isBuffer(body)) {
    request.record?.sentDocument(body);
    return deepCopy(body);
  }
  try {
    const yaml = yamlOf(request);
    const { strict } = yaml;
    if (fieldValidation === 'Strict' && strict.length > 0) {
      throw badRequest(`error strict decoding patch: error converting YAML to JSON: ${strict.join(', ')}`);
    }
    if (fieldValidation === 'Warn') appendAll(warnings, strict.flatMap(warningLines));
    const value = yaml.value();
    request.record?.sentDocument(value);
    return value;
  } catch (error) {
    if (error instanceof YamlError) throw badRequest(`error encoding patch: ${error.message}`);
    throw error;
  }
}
