import { Change } from './change.entity.js';
import { Counter } from './counter.entity.js';
import { HistoryRow } from './history-row.entity.js';
import { NamedRevision, ServerIdentity, Tick, VoidedBatch } from './revision.entity.js';
import { StoredObject } from './stored-object.entity.js';

export const entities = [StoredObject, Change, Counter, NamedRevision, Tick, VoidedBatch, ServerIdentity, HistoryRow];
