export * from './file-tree.js';
export * from './regular-file.js';
