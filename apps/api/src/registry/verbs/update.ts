import { badRequest, type KubeObject } from '#apimachinery';
import { readAhead } from '../../codec/body-ahead.js';
import { decodeBody, type FieldValidation } from '../../codec/body-decoder.js';
import { isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { settleNamespace } from '../write/object-metadata.js';
import { updateRefusal } from '../write/preconditions.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { WritePlan } from '../write/write-plan.js';
import { WRITE } from '../write/write-stages.js';

export function updateObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const options = parseWriteOptions(request.query, 'UpdateOptions');
  const { allowUnconditionalUpdate, allowCreateOnUpdate } = entry.definition.strategy;
  /** What was decoded and not used yet: a stage changes it, so that another attempt reads the body anew. */
  let sent: KubeObject | undefined;
  let revision: string | undefined;
  const read = (validation: FieldValidation, notes: string[]): KubeObject => {
    const object = decodeBody(request, entry.definition, validation, notes);
    settleNamespace(entry, object.metadata, request.namespace);
    return object;
  };
  const take = (): KubeObject => {
    const object = sent ?? read('Ignore', []);
    sent = undefined;
    return object;
  };
  const isUnconditional = () => !revision || revision === '0';
  const settled = (object: KubeObject, old: KubeObject): KubeObject => {
    if (!isUnconditional()) return object;
    if (allowUnconditionalUpdate) object.metadata.resourceVersion = old.metadata.resourceVersion;
    else delete object.metadata.resourceVersion;
    return object;
  };
  const plan: WritePlan = {
    operation: 'UPDATE',
    stages: WRITE,
    options,
    code: 200,
    decode: () => {
      sent = read(options.fieldValidation, warnings);
      checkName(sent, request.name);
      revision = sent.metadata.resourceVersion;
    },
    next: (old) => {
      if (sent === undefined && isLarge(request)) {
        return readAhead(request, entry.definition.schemaName).then(() => settled(take(), old!));
      }
      return settled(take(), old!);
    },
    refusal: updateRefusal,
    repeatable: () => isUnconditional() && allowUnconditionalUpdate,
    create: () => {
      if (!allowCreateOnUpdate || request.subresource !== '' || revision) return undefined;
      const creation: WritePlan = { operation: 'CREATE', stages: WRITE, options, code: 201, next: take };
      return { permission: { ...request, verb: 'create', record: undefined }, plan: creation };
    },
  };
  return runWrite(new WriteCall(context, entry, request, plan, warnings, isLarge(request)));
}

function checkName({ metadata }: KubeObject, name: string): void {
  if (metadata.name === name) return;
  if (!metadata.name) {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
}
