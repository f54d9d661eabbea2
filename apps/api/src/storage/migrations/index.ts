import { Tables1700000000001 } from './1700000000001-tables.js';
import { Commit1700000000002 } from './1700000000002-commit.js';
import { Views1700000000003 } from './1700000000003-views.js';

/** In order. Never change one that was released: add the next. */
export const migrations = [Tables1700000000001, Commit1700000000002, Views1700000000003];
