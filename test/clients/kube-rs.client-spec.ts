import { describeParts } from './parts.js';
import { rustProgram } from './programs.js';

describeParts('kube for Rust', await rustProgram('kube'), [
  'discovery',
  'typed objects',
  'patches',
  'server-side apply',
  'watches',
  'an operator',
]);
