export type { ScoringStrategy } from './native.js';
export { DEFAULT_SCHEDULER, SCHEDULER, type StartSchedulerOptions, startScheduler } from './start-scheduler.js';
