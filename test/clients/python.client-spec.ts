import { describeParts } from './parts.js';
import { pythonProgram } from './programs.js';

describeParts('kubernetes for Python', await pythonProgram('python'), [
  'typed objects',
  'errors',
  'patches',
  'server-side apply',
  'manifests from a file',
  'watches',
  'custom resources',
  'dynamic client',
  'tokens and reviews',
  'leader election',
]);
