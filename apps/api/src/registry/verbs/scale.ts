import {
  atOnce,
  badRequest,
  deepCopy,
  field,
  invalid,
  type KubeObject,
  parentManagers,
  type ReplicasPaths,
  replicasOfGroup,
  type SchemaNode,
  scaleManagers,
  updateManagedFields,
} from '#apimachinery';
import { applyScale, type ScaleView, scaleOf, schemaNode } from '#kinds';
import { decodeBody, decodeObjectAs, type ExpectedKind, subresourceKind } from '../../codec/body-decoder.js';
import { isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions, type WriteRequestOptions } from '../request-options.js';
import { type ResourceEntry, servedObject } from '../resource-table.js';
import { managerOf } from '../write/field-managers.js';
import { updateRefusal } from '../write/preconditions.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { SubresourceView, WritePlan } from '../write/write-plan.js';
import { APPLY } from '../write/write-stages.js';
import { configurationSteps, readApplied } from './apply-configuration.js';
import { applySteps, type Configuration } from './apply-steps.js';
import { getObject } from './get.js';
import { APPLY_PATCH, patchDocument, patchTypeOf } from './patch.js';

/** The version of Scale that its managers are told in. */
const API_VERSION = 'autoscaling/v1';

/** Reads and changes spec.replicas through autoscaling/v1 Scale. */
export async function scaleObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const scale = entry.definition.scale ?? workloadScale;
  if (request.verb === 'get') {
    const object = servedObject(entry, await getObject(context, entry, request.namespace, request.name, ''));
    scale.check?.(object);
    return answer(scale, object);
  }
  const expected = subresourceKind(entry.subresources.get('scale')!);
  const isPatch = request.verb === 'patch';
  const isApply = isPatch && patchTypeOf(entry, request) === APPLY_PATCH;
  const options = parseWriteOptions(request.query, isPatch ? 'PatchOptions' : 'UpdateOptions', isApply);
  const wanted = isApply
    ? appliedScale(expected, request, options, warnings)
    : isPatch
      ? patchedScale(context, entry, expected, request, options, warnings)
      : sentScale(expected, request, options, warnings);
  const paths = replicasPaths(entry);
  const plan: WritePlan = {
    operation: 'UPDATE',
    stages: APPLY,
    options,
    optionsKind: isPatch ? 'PatchOptions' : undefined,
    code: 200,
    isApply,
    decode: () => wanted.decode?.(),
    next: (old, { now }) => {
      const before = old!.metadata.managedFields ?? [];
      const live = scale.of(old!);
      live.metadata.managedFields = scaleManagers(before, paths);
      const next = wanted.next(live, now);
      checkReplicas(next, request.name);
      const object = withScale(scale, old!, next);
      const managers = parentManagers(before, next.metadata.managedFields ?? [], entry.apiVersion, paths);
      object.metadata.managedFields = managers.length > 0 ? [...managers] : undefined;
      return object;
    },
    view: viewOf(expected, scale),
    refusal: updateRefusal,
    repeatable: wanted.repeatable,
  };
  const result = await runWrite(new WriteCall(context, entry, request, plan, warnings, isLarge(request)));
  if (result.kind === 'cached') return answer(scale, servedObject(entry, result.object));
  if (result.kind === 'object') return answer(scale, result.object as KubeObject);
  throw new Error('a write was answered with something else');
}

/** How a request makes a Scale of the one that there is. */
interface ScaleChange {
  /** Reads the body: once. */
  decode?(): void;
  /** Its managed fields are those after the change. */
  next(live: KubeObject, now: Date): KubeObject;
  /** Whether the same can be wanted of a newer object. */
  repeatable(): boolean;
}

/** PUT. */
function sentScale(
  expected: ExpectedKind,
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): ScaleChange {
  let sent: KubeObject;
  return {
    decode: () => {
      sent = decodeBody(request, expected, options.fieldValidation, warnings);
      if (sent.metadata.name !== request.name) {
        throw badRequest(
          `the name of the object (${sent.metadata.name ?? ''}) does not match the name on the URL (${request.name})`,
        );
      }
    },
    next: (live, now) => tracked(live, deepCopy(sent), request, options, now),
    repeatable: () => !sent.metadata.resourceVersion,
  };
}

/** A patch that is no apply. */
function patchedScale(
  context: RegistryContext,
  entry: ResourceEntry,
  expected: ExpectedKind,
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): ScaleChange {
  return {
    next: (live, now) => {
      const { managedFields } = live.metadata;
      live.metadata.managedFields = undefined;
      const scale = patchDocument(context, entry, request, live, expected, options, warnings);
      live.metadata.managedFields = managedFields;
      return tracked(live, scale, request, options, now);
    },
    repeatable: () => true,
  };
}

/** Server-side apply. */
function appliedScale(
  expected: ExpectedKind,
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): ScaleChange {
  let validation = options.fieldValidation;
  let configuration: Configuration;
  const applier = {
    ...{ name: options.fieldManager, apiVersion: API_VERSION, subresource: 'scale', force: options.force },
    ...{ schema: schemaNode(expected.schemaName), reset: [] },
    decode: (object: KubeObject) => {
      const decoded = decodeObjectAs(object as never, expected, validation, [], warnings);
      validation = 'Ignore';
      return decoded;
    },
  };
  return {
    decode: () => {
      const applied = readApplied({ apiVersion: API_VERSION, kind: expected.kind }, request, options, warnings);
      configuration = atOnce(configurationSteps(applier, applied, undefined));
    },
    next: (live, now) => atOnce(applySteps(applier, live, configuration, now)),
    repeatable: () => configuration.applied.metadata.resourceVersion === undefined,
  };
}

/** `scale` with the managers after an update of `live` to it. */
function tracked(
  live: KubeObject,
  scale: KubeObject,
  { userAgent }: ApiRequest,
  { fieldManager }: WriteRequestOptions,
  now: Date,
): KubeObject {
  scale.metadata.managedFields = updateManagedFields({
    ...{ old: live, current: scale, manager: managerOf(fieldManager, userAgent), apiVersion: API_VERSION },
    ...{ subresource: 'scale', now, schema: scaleSchema() },
  });
  return scale;
}

let schema: SchemaNode | undefined;

function scaleSchema(): SchemaNode {
  schema ??= schemaNode('io.k8s.api.autoscaling.v1.Scale');
  return schema;
}

function checkReplicas({ spec }: KubeObject, name: string): void {
  const replicas = spec?.replicas ?? 0;
  if (replicas >= 0) return;
  throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
    field.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
  ]);
}

/** A copy of the object with what a Scale says of it; its uid and revision are what the client expects. */
function withScale(view: ScaleView, object: KubeObject, scale: KubeObject): KubeObject {
  const scaled = deepCopy(object);
  view.apply(scaled, scale);
  const { uid, resourceVersion } = scale.metadata;
  if (uid) scaled.metadata.uid = uid;
  if (resourceVersion) scaled.metadata.resourceVersion = resourceVersion;
  return scaled;
}

function viewOf({ group, version, kind }: ExpectedKind, scale: ScaleView): SubresourceView {
  return {
    kind: { group, version, kind },
    of: (object) => scale.of(object),
    into(object, wanted) {
      scale.apply(object, wanted);
      return object;
    },
  };
}

/** Of the kinds of the release. */
const workloadScale: ScaleView = {
  replicasPath: ['spec', 'replicas'],
  of: (object) => scaleOf(object) as KubeObject,
  apply: (object, scale) => applyScale(object, scale as never),
};

function replicasPaths({ definition }: ResourceEntry): ReplicasPaths {
  const { custom, group } = definition;
  return custom ? (apiVersion) => custom.scales.get(apiVersion) : replicasOfGroup(group);
}

function answer(scale: ScaleView, object: KubeObject): ApiResult {
  return { kind: 'object', code: 200, resource: undefined, object: scale.of(object) };
}
