export * from './api-environment.js';
export * from './containerd-environment.js';
export * from './controller-environment.js';
export * from './fake-clock.js';
export { type Answer, call, type Sent, type Target, WatchReader } from './https-requests.js';
export * from './memory-client.js';
export * from './postgres-environment.js';
export * from './skip-reason.js';
export * from './workload-builders.js';
