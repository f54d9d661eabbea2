export * from './definition.js';
export { gvr } from './generated/gvr.js';
export type * from './generated/types.js';
