import type { KubeObject } from '#apimachinery';

/** One row's cells. */
export type Cells = (object: KubeObject & any, now: Date) => unknown[];
