export * from './context.js';
export { aggregatedRules } from './rbac/cluster-role-aggregation.reconciler.js';
export * from './start-controllers.js';
