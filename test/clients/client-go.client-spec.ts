import { describeParts } from './parts.js';
import { goProgram } from './programs.js';

const parts = [
  'discovery',
  'typed objects',
  'patches',
  'pages',
  'subresources',
  'reviews and tokens',
  'informers',
  'informers by metadata',
  'watches that are resumed',
  'apply configurations',
  'dynamic client',
  'leader election',
  'recorded events',
];

describeParts('client-go', await goProgram('client-go'), [...parts, ...parts.map((part) => `${part} (protobuf)`)]);
