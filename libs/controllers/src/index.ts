export * from './context.js';
export * from './start-controllers.js';
