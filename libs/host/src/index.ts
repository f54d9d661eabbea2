export * from './capabilities.js';
export * from './init-system.js';
export * from './installation.js';
export * from './programs.js';
