/** An expression that is no CEL, or that has a type error. The message is cel-go's, with all errors of the expression. */
export class CelCompileError extends Error {
  override readonly name = 'CelCompileError';
}

/** An evaluation that has no value: a missing key, a division by zero. The message is cel-go's. */
export class CelRuntimeError extends Error {
  override readonly name: string = 'CelRuntimeError';
  /** What the evaluation had cost when it failed. */
  cost = 0;
}

/** An evaluation that was stopped because it did more work than its limit allows. */
export class CelCostExceeded extends CelRuntimeError {
  override readonly name = 'CelCostExceeded';

  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/** An evaluation that its signal did not let begin. */
export class CelInterrupted extends CelRuntimeError {
  override readonly name = 'CelInterrupted';

  constructor() {
    super('operation interrupted');
  }
}
