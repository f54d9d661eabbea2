import type { Steps } from '#apimachinery';
import {
  CelCompileError,
  type CelEnvironment,
  type CelProgram,
  cel,
  compileCel,
  declaredName,
  QUANTITY,
  withMaxSize,
} from '#cel';
import type { DeviceSelector } from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';
import { eachUpTo } from './limited-lists.validation.js';

/** Expressions that select devices; upstream's are in k8s.io/dynamic-resource-allocation/cel. */

const MAX_SELECTORS = 32;
const MAX_EXPRESSION_BYTES = 10 * 1024;
const MAX_COST = 1_000_000n;

const MAX_DRIVER = 63;
const MAX_DOMAIN = 63;
const MAX_IDENTIFIER = 32;
const MAX_NAMES = 32;
const MAX_VALUE = 64;

const domain = withMaxSize(cel.string, MAX_DOMAIN);
const identifier = withMaxSize(cel.string, MAX_IDENTIFIER);
/** Only its value tells the type of an attribute, so an expression may also give one as its result. */
const attributes = { ...cel.map(identifier, withMaxSize(cel.any, MAX_VALUE), MAX_NAMES), sizedFields: true };
const capacity = cel.map(identifier, QUANTITY, MAX_NAMES);

const DEVICE = cel.object('kubernetes.DRADevice', {
  driver: { type: withMaxSize(cel.string, MAX_DRIVER) },
  allowMultipleAllocations: { type: withMaxSize(cel.bool, 1) },
  attributes: { type: cel.map(domain, attributes, MAX_NAMES) },
  capacity: { type: cel.map(domain, capacity, MAX_NAMES) },
});

/** What an expression knows about a device that it may select. */
export const deviceEnvironment: CelEnvironment = {
  variables: { device: { type: DEVICE } },
  bindings: true,
  resolveType: (name) => (name === DEVICE.name ? DEVICE : undefined),
};

export const selectorRules = [
  'selectors: at most 32, with an expression of at most 10240 bytes',
  'expressions compile, give a bool or an attribute, and cost at most 1000000 units',
] as const;

type Refusal = (at: FieldCursor) => void;

/** What is known of selectors before they are checked. */
const judged = new WeakMap<DeviceSelector, Refusal | undefined>();

/** Compiles expressions ahead of their check, with a pause after each: together they would hold up everybody else. */
export function* judgeSelectors(selectors: readonly DeviceSelector[] | undefined): Steps<void> {
  if (!selectors || selectors.length > MAX_SELECTORS) return;
  for (const selector of selectors) {
    if (!selector.cel) continue;
    judged.set(selector, judge(selector.cel.expression ?? ''));
    yield;
  }
}

/** `known` selectors are stored already, and were good when they were written. */
export function checkSelectors(at: FieldCursor, selectors: readonly DeviceSelector[] | undefined, known = false): void {
  eachUpTo(at, 'selectors', selectors, MAX_SELECTORS, (selector) => {
    if (selector.cel === undefined) at.required('cel');
    else if (!known) {
      const refusal = judged.has(selector) ? judged.get(selector) : judge(selector.cel.expression ?? '');
      refusal?.(at);
    }
  });
}

/** What is wrong with an expression. */
function judge(expression: string): Refusal | undefined {
  const name = 'cel.expression';
  if (Buffer.byteLength(expression) > MAX_EXPRESSION_BYTES) return (at) => at.tooLong(name, MAX_EXPRESSION_BYTES);
  let program: CelProgram;
  try {
    program = compileCel(expression, deviceEnvironment);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return (at) => at.invalid(name, expression, error.message);
  }
  const { type } = program;
  if (type.kind !== 'bool' && type.kind !== 'any') {
    const detail = `must evaluate to bool or the unknown type, not ${declaredName(type)}`;
    return (at) => at.invalid(name, expression, detail);
  }
  if (program.estimatedCost().max <= MAX_COST) return undefined;
  return (at) => at.forbidden(name, 'too complex, exceeds cost limit');
}
