export * from './image.js';
export * from './import.js';
export * from './pause.js';
export * from './tar.js';
