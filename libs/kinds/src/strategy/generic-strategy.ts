import {
  appendAll,
  type FieldError,
  type KubeObject,
  type ObjectMeta,
  ownValue,
  type Steps,
  semanticEqual,
  setOwn,
} from '#apimachinery';
import type { Strategy, WriteContext } from '../contract/definition.js';
import type { KindModule, KindStrategy } from '../contract/kind-module.js';
import { defaulterFor } from '../defaults/defaulter.js';
import type { TypeDefaults } from '../defaults/type-defaults.js';
import type { KindFacts } from '../facts/kind-facts.js';
import { nameFormatOf } from '../meta/names.js';
import { type MetaRules, validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.validation.js';
import { zeroOf } from '../schema/decode.js';
import type { StructType } from '../schema/type-graph.js';
import { keepField, keepMetadata } from './metadata.js';

/** What a strategy is made of. */
export interface StrategySource {
  readonly namespaced: boolean;
  readonly hasStatusEndpoint: boolean;
  readonly type: StructType;
  readonly facts: KindFacts;
  readonly module: KindModule;
  readonly typeDefaults: TypeDefaults;
  /** What fills in defaults in place of the facts. */
  readonly form?: { applyDefaults(object: KubeObject): void };
}

/** The strategy that follows from the facts of a kind, with the kind's own additions woven in. */
export function createStrategy(source: StrategySource): Strategy {
  return new GenericStrategy(source);
}

const NO_ADDITIONS: KindStrategy = {};

class GenericStrategy implements Strategy {
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly defaultPropagation: 'Background' | 'Orphan';
  readonly gracePeriodSeconds?: (object: KubeObject, requested?: number) => number;
  readonly validateAhead?: (object: KubeObject, old: KubeObject | undefined) => Steps<void>;
  private readonly own: KindStrategy;
  private readonly module: KindModule;
  private readonly metaRules: MetaRules;
  private readonly hasStatusEndpoint: boolean;
  private readonly clearsStatus: boolean;
  private readonly generationOf: readonly string[] | undefined;
  private readonly source: StrategySource;
  private defaulter: ((object: KubeObject) => void) | undefined;

  constructor(source: StrategySource) {
    const { facts, module } = source;
    const own = module.strategy ?? NO_ADDITIONS;
    this.source = source;
    this.module = module;
    this.own = own;
    this.metaRules = {
      namespaced: source.namespaced,
      checkName: module.nameFormat ?? nameFormatOf(facts.nameFormat),
      shortFinalizers: facts.shortFinalizers,
    };
    this.hasStatusEndpoint = source.hasStatusEndpoint;
    this.clearsStatus = facts.clearsStatus;
    this.generationOf = own.generationOf ?? (facts.hasGeneration ? ['spec'] : undefined);
    this.allowCreateOnUpdate = facts.createsOnPut;
    this.allowUnconditionalUpdate = !facts.needsResourceVersion;
    this.defaultPropagation = own.defaultPropagation ?? 'Background';
    if (own.gracePeriodSeconds !== undefined) this.gracePeriodSeconds = own.gracePeriodSeconds;
    const ahead = module.validator?.ahead;
    if (ahead !== undefined) this.validateAhead = ahead;
  }

  applyDefaults(object: KubeObject): void {
    if (this.defaulter === undefined) {
      const { type, facts, module, typeDefaults, form } = this.source;
      this.defaulter = form ? (given) => form.applyDefaults(given) : defaulterFor(type, facts, module, typeDefaults);
    }
    this.defaulter(object);
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
    const { validator } = this.module;
    const errors = validateObjectMeta(object.metadata, this.metaRules);
    if (validator !== undefined) appendAll(errors, validator.validateCreate(object, context));
    if (errors.length === 0) this.warn(object, undefined, context);
    return errors;
  }

  validateUpdate(object: KubeObject, old: KubeObject, context: WriteContext): FieldError[] {
    const { validator } = this.module;
    const errors = validateObjectMetaUpdate(object.metadata, old.metadata, this.metaRules);
    if (!this.allowUnconditionalUpdate && !object.metadata.resourceVersion) errors.push(missingResourceVersion(object));
    if (validator !== undefined) appendAll(errors, validator.validateUpdate(object, old, context));
    if (errors.length === 0 && context.subresource === '') this.warn(object, old, context);
    return errors;
  }

  /** Of what is good, and yet may not be what its writer wants. */
  private warn(object: KubeObject, old: KubeObject | undefined, context: WriteContext): void {
    const warnings = this.module.warnings?.(object, old);
    if (warnings !== undefined) for (const text of warnings) context.warn(text);
  }

  private resetStatus(object: KubeObject): void {
    const status = this.source.type.fields.get('status');
    if (status?.presence === 'optional') delete object.status;
    else if (status?.ref.kind === 'struct') object.status = zeroOf(status.ref.type);
  }

  private keepAllButStatus(object: KubeObject, old: KubeObject): void {
    for (const key of Object.keys(object)) {
      if (key !== 'apiVersion' && key !== 'kind' && key !== 'metadata' && key !== 'status') delete object[key];
    }
    for (const key of Object.keys(old)) {
      if (key !== 'apiVersion' && key !== 'kind' && key !== 'metadata' && key !== 'status')
        setOwn(object, key, old[key]);
    }
    if (this.module.statusEndpointWrites === 'status') keepMetadata(object, old);
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
