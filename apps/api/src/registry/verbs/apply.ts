import { atOnce, deepCopy, type KubeObject, Pace } from '#apimachinery';
import { decodeObjectAs } from '../../codec/body-decoder.js';
import { inTurns, isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import type { WriteRequestOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { schemaOf } from '../write/field-managers.js';
import { updateRefusal } from '../write/preconditions.js';
import { resetFields } from '../write/reset-fields.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { WritePlan } from '../write/write-plan.js';
import { APPLY } from '../write/write-stages.js';
import { configurationSteps, readApplied } from './apply-configuration.js';
import { type Applier, applierEntry, applySteps, type Configuration } from './apply-steps.js';

/** Server-side apply: the manager states what it wants of an object; a missing object is created. */
export function applyObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): Promise<ApiResult> {
  const large = isLarge(request);
  let validation = options.fieldValidation;
  // Read again from what was merged, it says nothing new of unknown fields.
  const decode = (object: KubeObject) => {
    const decoded = decodeObjectAs(object as never, entry.definition, validation, [], warnings);
    validation = 'Ignore';
    entry.definition.strategy.applyDefaults(decoded);
    return decoded;
  };
  const applier: Applier = {
    name: options.fieldManager,
    apiVersion: entry.apiVersion,
    subresource: request.subresource,
    force: options.force,
    schema: schemaOf(entry),
    reset: resetFields(entry, request.subresource),
    decode,
  };
  let configuration: Configuration;
  const plan: WritePlan = {
    operation: 'UPDATE',
    stages: APPLY,
    options,
    optionsKind: 'PatchOptions',
    code: 200,
    isApply: true,
    decode: () => {
      const expected = { apiVersion: entry.apiVersion, kind: entry.definition.kind };
      const applied = readApplied(expected, request, options, warnings);
      if (!large) {
        configuration = atOnce(configurationSteps(applier, applied, undefined));
        return;
      }
      return inTurns(configurationSteps(applier, applied, new Pace())).then((read) => {
        configuration = read;
      });
    },
    next: (old, { now }) => {
      const steps = applySteps(applier, old!, configuration, now);
      return large ? inTurns(steps) : atOnce(steps);
    },
    refusal: updateRefusal,
    repeatable: () => configuration.applied.metadata.resourceVersion === undefined,
    create: () => {
      if (request.subresource !== '') return undefined;
      const creation: WritePlan = {
        operation: 'CREATE',
        stages: APPLY,
        options,
        code: 201,
        isApply: true,
        next: (_, { now }) => {
          const object = decode(deepCopy(configuration.applied));
          object.metadata.managedFields = [applierEntry(applier, configuration.set, now)];
          return object;
        },
      };
      return { permission: { ...request, verb: 'create', record: undefined }, plan: creation };
    },
  };
  return runWrite(new WriteCall(context, entry, request, plan, warnings, large));
}
