import { Tables1700000000001 } from './1700000000001-tables.js';
import { Views1700000000003 } from './1700000000003-views.js';
import { Commit1700000000004 } from './1700000000004-commit.js';
import { Counters1700000000005 } from './1700000000005-counters.js';
import { CountedBatches1700000000014 } from './1700000000014-counted-batches.js';
import { BoundedCounters1700000000015 } from './1700000000015-bounded-counters.js';

/** In order. Never change one that was released: add the next. */
export const migrations = [
  Tables1700000000001,
  Views1700000000003,
  Commit1700000000004,
  Counters1700000000005,
  CountedBatches1700000000014,
  BoundedCounters1700000000015,
];
