export { ColdDatabase } from './data-source.js';
export { History } from './history.js';
export { openStore, type StoreOptions } from './postgres-store.js';
export * from './store.js';
