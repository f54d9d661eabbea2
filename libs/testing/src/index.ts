export * from './api-environment.js';
export * from './containerd-environment.js';
export * from './controller-environment.js';
export * from './fake-clock.js';
export * from './postgres-environment.js';
export * from './workload-builders.js';
