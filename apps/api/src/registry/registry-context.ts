import type { KubeObject } from '#apimachinery';
import type { AdmissionAttributes } from '../admission/admission.js';
import type { Authorizer } from '../authorization/authorizer.js';
import type { Guard, ObjectKey, Store, Write } from '../storage/store.js';
import type { ResourceTable } from './resource-table.js';

/** The plugins in calling order, as one. */
export interface AdmissionRunner {
  admit(attributes: AdmissionAttributes): void | Promise<void>;
  validate(attributes: AdmissionAttributes): void | Promise<void>;
}

/** What every part of the registry works with. */
export interface RegistryContext {
  readonly store: Store;
  readonly resources: ResourceTable;
  readonly authorizer: Authorizer;
  readonly admission: AdmissionRunner;
  /** By storage resource. */
  readonly contributors: ReadonlyMap<string, WriteSetContributor>;
  now(): Date;
}

/** What a contributor adds to the write set of the object that it belongs to. */
export interface Contribution {
  writes: Write[];
  guards: Guard[];
}

/**
 * Writes that go with a resource's own: a Service and its IPAddresses. Everything lands in one write set, so there is
 * nothing to repair afterwards. Works on the stored version.
 */
export interface WriteSetContributor {
  /**
   * Sees every create (`old` undefined), update, and delete (`object` undefined). May fill in fields of `object` before it
   * is validated. Throws StatusError to refuse.
   */
  contribute(object: KubeObject | undefined, old: KubeObject | undefined): Contribution;
  /** True when a failed commit on this key is worth another `contribute`: a number that somebody else took first. */
  retries(key: ObjectKey): boolean;
}
