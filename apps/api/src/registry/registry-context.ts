import type { Tracer } from '#telemetry';
import type { AdmissionRequest } from '../admission/admission-request.js';
import type { Authorizer } from '../authorization/authorizer.js';
import type { Store } from '../storage/store.js';
import type { ResourceTable } from './resource-table.js';
import type { WriteMeter } from './write/write-meter.js';
import type { WriteParticipants } from './write/write-participant.js';

/** The plugins in calling order, as one. */
export interface AdmissionRunner {
  admit(attributes: AdmissionRequest): void | Promise<void>;
  validate(attributes: AdmissionRequest): void | Promise<void>;
}

/** What every part of the registry works with. */
export interface RegistryContext {
  readonly store: Store;
  readonly resources: ResourceTable;
  readonly authorizer: Authorizer;
  readonly admission: AdmissionRunner;
  readonly participants: WriteParticipants;
  /** Absent: nothing is counted. */
  readonly meter?: WriteMeter;
  /** Absent: no spans are made. */
  readonly tracer?: Tracer;
  now(): Date;
}
