export { openStore, type StoreOptions } from './postgres-store.js';
export * from './store.js';
