import { describeParts } from './parts.js';
import { nodeProgram } from './programs.js';

describeParts('@kubernetes/client-node', await nodeProgram('client-node', 24), [
  'typed objects',
  'errors',
  'patches',
  'server-side apply',
  'any object by its manifest',
  'watches',
  'informers',
  'custom resources',
  'reviews',
  'pages',
]);
