import { Change } from './change.entity.js';
import { NamedRevision, ServerIdentity, Tick, VoidedBatch } from './revision.entity.js';
import { StoredObject } from './stored-object.entity.js';

export const entities = [StoredObject, Change, NamedRevision, Tick, VoidedBatch, ServerIdentity];
