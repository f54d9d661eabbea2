export * from './fake-clock.js';
export * from './postgres-environment.js';
export * from './workload-builders.js';
