export * from './context.js';
export { ControllerHealth, type ControllerState } from './controller-health.js';
export { aggregatedRules } from './rbac/cluster-role-aggregation.reconciler.js';
export * from './start-controllers.js';
