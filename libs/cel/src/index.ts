export type { CelAuthorizationDecision, CelAuthorizationQuery, CelAuthorizer } from './authorizer.js';
export { compileCel } from './compile.js';
export { CelCompileError, CelCostExceeded, CelInterrupted, CelRuntimeError } from './errors.js';
export { lazyCelObject } from './lazy.js';
export { compilePattern } from './library/patterns.js';
export { QUANTITY } from './library/quantities.js';
export type { CelCost, CelEnvironment, CelEvaluation, CelProgram, CelVariable } from './program.js';
export { celTypeOfSchema, escapeCelName } from './schema-type.js';
export {
  type CelField,
  type CelKind,
  type CelType,
  cel,
  declaredName,
  formatType,
  type SizeBound,
  withMaxSize,
} from './type.js';
