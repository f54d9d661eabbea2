export * from './capabilities.js';
export * from './installation.js';
export * from './programs.js';
