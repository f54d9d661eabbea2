import { describeParts } from './parts.js';
import { goProgram } from './programs.js';

describeParts('controller-runtime', await goProgram('controller-runtime'), [
  'the manager starts and leads',
  'webhooks fill in and refuse',
  'an object is reconciled',
  'what it owns is put back',
  'its finalizer runs',
]);
