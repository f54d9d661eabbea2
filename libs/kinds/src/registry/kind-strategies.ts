import type { KindStrategy } from './kind-strategy.js';

/** Kinds that differ from the generic strategy, by group/version/Kind. */
export const kindStrategies: Record<string, KindStrategy> = {};
