import {
  appendAll,
  type FieldError,
  type KubeObject,
  type ObjectMeta,
  ownValue,
  semanticEqual,
  setOwn,
} from '#apimachinery';
import { defaulterFor } from '../defaults/defaulter.js';
import type { Strategy, WriteContext } from '../definition.js';
import { defaultsFacts, type ResourceFacts, validationFacts } from '../facts.js';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.validation.js';
import { zeroOf } from '../schema/decode.js';
import { structType } from '../schema/type-graph.js';
import { type KindStrategy, type KindValidator, kindKey } from './kind-strategy.js';
import { kindValidators } from './kind-validators.js';
import { kindWarnings } from './kind-warnings.js';
import { keepField, keepMetadata } from './metadata.js';

/** The strategy that follows from the facts of a kind, with the kind's own additions woven in. */
export function createStrategy(resource: ResourceFacts, own: KindStrategy): Strategy {
  return new GenericStrategy(resource, own);
}

/** Kinds whose status endpoint changes nothing of the metadata: from upstream's status strategies. */
const statusKeepsMetadata = new Set([
  'ValidatingAdmissionPolicy',
  'PodCertificateRequest',
  'FlowSchema',
  'PriorityLevelConfiguration',
  'ServiceCIDR',
  'DeviceTaintRule',
  'ResourceClaim',
  'CSINode',
  'VolumeAttachment',
  'CustomResourceDefinition',
  'APIService',
  'StorageVersionMigration',
]);

function listed(entries: readonly string[], resource: ResourceFacts): boolean {
  const own = kindKey(resource.group, resource.version, resource.kind);
  return entries.some((entry) => {
    if (entry === own) return true;
    if (entry === `${resource.group} (all)`) return true;
    if (entry.includes('(all') && entry.startsWith(`${resource.group}/${resource.version} `))
      return resource.group !== '';
    const [group, ...kinds] = entry.split(' ');
    return group === resource.group && kinds.join(' ').split(', ').includes(resource.kind);
  });
}

class GenericStrategy implements Strategy {
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly defaultPropagation: 'Background' | 'Orphan';
  readonly gracePeriodSeconds?: (object: KubeObject, requested?: number) => number;
  private readonly key: string;
  private readonly validator: KindValidator | undefined;
  private readonly statusType: string | undefined;
  private readonly hasStatusEndpoint: boolean;
  private readonly clearsStatus: boolean;
  private readonly generationOf: readonly string[] | undefined;
  private readonly keepsMetadata: boolean;

  constructor(
    private readonly resource: ResourceFacts,
    private readonly own: KindStrategy,
  ) {
    const { kind } = resource;
    const onCreate = defaultsFacts().onCreate;
    const validation = validationFacts();
    this.key = kindKey(resource.group, resource.version, kind);
    this.validator = ownValue(kindValidators, this.key);
    if (this.validator === undefined && resource.verbs.includes('update'))
      throw new Error(`no validator for ${this.key}`);
    this.hasStatusEndpoint = (resource.subresources ?? []).some((subresource) => subresource.name === 'status');
    this.clearsStatus = (onCreate['status cleared'] as string[]).includes(kind);
    const withGeneration = (onCreate['generation 1 on create, +1 on spec change'] as string[]).includes(kind);
    this.generationOf = own.generationOf ?? (withGeneration ? ['spec'] : undefined);
    this.keepsMetadata = statusKeepsMetadata.has(kind);
    const status = structType(resource.type).fields.get('status')?.ref;
    this.statusType = status?.kind === 'struct' ? status.type.name : undefined;
    this.allowCreateOnUpdate = listed(validation.putCreatesMissing, resource);
    this.allowUnconditionalUpdate = !listed(validation.updateNeedsResourceVersion, resource);
    this.defaultPropagation = own.defaultPropagation ?? 'Background';
    if (own.gracePeriodSeconds !== undefined) this.gracePeriodSeconds = own.gracePeriodSeconds;
  }

  applyDefaults(object: KubeObject): void {
    defaulterFor(this.resource)(object);
    this.own.convert?.(object);
  }

  prepareForCreate(object: KubeObject, context: WriteContext): void {
    if (this.clearsStatus) this.resetStatus(object);
    if (this.generationOf !== undefined) object.metadata.generation = 1;
    this.own.prepareForCreate?.(object, context);
  }

  prepareForUpdate(object: KubeObject, old: KubeObject, context: WriteContext): void {
    carryMetadata(object.metadata, old.metadata);
    const special = ownValue(this.own.subresources, context.subresource);
    if (special !== undefined) {
      special(object, old, context);
    } else {
      if (context.subresource === 'status') this.keepAllButStatus(object, old);
      else if (this.hasStatusEndpoint) keepField(object, old, 'status');
      this.own.prepareForUpdate?.(object, old, context);
    }
    if (this.generationOf !== undefined && context.subresource !== 'status') {
      if (this.generationOf.some((path) => !semanticEqual(valueAt(object, path), valueAt(old, path)))) {
        object.metadata.generation = (old.metadata.generation ?? 0) + 1;
      }
    }
  }

  validateCreate(object: KubeObject, context: WriteContext): FieldError[] {
    const errors = validateObjectMeta(object.metadata, this.resource);
    if (this.validator !== undefined) appendAll(errors, this.validator.validateCreate(object, context));
    if (this.own.validateCreate !== undefined) appendAll(errors, this.own.validateCreate(object, context));
    if (errors.length === 0) this.warn(object, undefined, context);
    return errors;
  }

  validateUpdate(object: KubeObject, old: KubeObject, context: WriteContext): FieldError[] {
    const errors = validateObjectMetaUpdate(object.metadata, old.metadata, this.resource);
    if (!this.allowUnconditionalUpdate && !object.metadata.resourceVersion) errors.push(missingResourceVersion(object));
    if (this.validator !== undefined) appendAll(errors, this.validator.validateUpdate(object, old, context));
    if (this.own.validateUpdate !== undefined) appendAll(errors, this.own.validateUpdate(object, old, context));
    if (errors.length === 0 && context.subresource === '') this.warn(object, old, context);
    return errors;
  }

  /** Of what is good, and yet may not be what its writer wants. */
  private warn(object: KubeObject, old: KubeObject | undefined, context: WriteContext): void {
    const warnings = ownValue(kindWarnings, this.key)?.(object, old);
    if (warnings !== undefined) for (const text of warnings) context.warn(text);
  }

  private resetStatus(object: KubeObject): void {
    if (this.statusType === undefined) return;
    if (structType(this.resource.type).fields.get('status')?.presence === 'optional') delete object.status;
    else object.status = zeroOf(this.statusType);
  }

  private keepAllButStatus(object: KubeObject, old: KubeObject): void {
    for (const key of Object.keys(object)) {
      if (key !== 'apiVersion' && key !== 'kind' && key !== 'metadata' && key !== 'status') delete object[key];
    }
    for (const key of Object.keys(old)) {
      if (key !== 'apiVersion' && key !== 'kind' && key !== 'metadata' && key !== 'status')
        setOwn(object, key, old[key]);
    }
    if (this.keepsMetadata) keepMetadata(object, old);
  }
}

function missingResourceVersion(object: KubeObject): FieldError {
  return {
    field: 'metadata.resourceVersion',
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${JSON.stringify(object.metadata.resourceVersion ?? '')}: must be specified for an update`,
  };
}

/** What no update may remove or change, taken over from the stored object when the request left it out. */
function carryMetadata(meta: ObjectMeta, old: ObjectMeta): void {
  setOrDelete(meta, 'generation', old.generation);
  meta.uid ??= old.uid;
  meta.creationTimestamp ??= old.creationTimestamp;
  if (old.deletionTimestamp !== undefined) {
    meta.deletionTimestamp ??= old.deletionTimestamp;
    meta.deletionGracePeriodSeconds ??= old.deletionGracePeriodSeconds;
    if (meta.deletionGracePeriodSeconds === undefined) delete meta.deletionGracePeriodSeconds;
  }
}

function setOrDelete<K extends keyof ObjectMeta>(meta: ObjectMeta, key: K, value: ObjectMeta[K]): void {
  if (value === undefined) delete meta[key];
  else meta[key] = value;
}

function valueAt(object: any, path: string): unknown {
  let value = object;
  for (const step of path.split('.')) value = ownValue(value, step);
  return value;
}
