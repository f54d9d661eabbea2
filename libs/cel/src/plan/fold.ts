import { GrowingMap } from '../values/maps.js';
import { typeOf } from '../values/type-of.js';
import { fail, GrowingList, ListValue, MapValue, type Value } from '../values/value.js';
import { type Evaluate, evalError, type Frame, type Plan } from './frame.js';

/** A comprehension; `accu`, `first` and `second` are slots of locals. */
export interface Fold {
  readonly range: Evaluate;
  readonly init: Evaluate;
  readonly accu: number;
  readonly first: number;
  readonly second: number | undefined;
  readonly condition: Plan;
  readonly step: Evaluate;
  readonly result: Evaluate;
}

export function planFold(fold: Fold): Evaluate {
  const { range, init, accu, result } = fold;
  return (frame) => {
    const over = range(frame);
    // An inner comprehension runs many times, and its slots are the same each time.
    frame.locals[accu] = start(init(frame));
    iterate(frame, fold, over);
    return finish(result(frame));
  };
}

/** An empty list or map grows in place. */
function start(init: Value): Value {
  if (init instanceof ListValue && init.size === 0) return new GrowingList();
  if (init instanceof MapValue && init.size === 0) return new GrowingMap();
  return init;
}

function finish(result: Value): Value {
  return result instanceof GrowingList ? result.finish() : result;
}

function iterate(frame: Frame, fold: Fold, over: Value): void {
  const { first, second } = fold;
  if (over instanceof ListValue) {
    const { size } = over;
    for (let index = 0; index < size; index++) {
      if (second === undefined) frame.locals[first] = over.at(index);
      else {
        frame.locals[first] = BigInt(index);
        frame.locals[second] = over.at(index);
      }
      if (!advance(frame, fold)) return;
    }
  } else if (over instanceof MapValue) {
    for (const key of over.keys()) {
      frame.locals[first] = key;
      if (second !== undefined) frame.locals[second] = over.get(key)!;
      if (!advance(frame, fold)) return;
    }
  } else {
    fail(
      second === undefined
        ? `got '${goType(over)}', expected iterable type`
        : `unsupported comprehension range type: ${goType(over)}`,
    );
  }
}

/** The name that cel-go has for the type of a value. */
function goType(value: Value): string {
  const { name } = typeOf(value);
  const last = name.slice(name.lastIndexOf('.') + 1);
  return value === null ? 'types.Null' : `types.${last.charAt(0).toUpperCase()}${last.slice(1)}`;
}

/** One round; false at the end. */
function advance(frame: Frame, { condition, step, accu }: Fold): boolean {
  if (condition.constant !== undefined ? condition.constant === false : condition.run(frame) === false) return false;
  try {
    frame.locals[accu] = step(frame);
    return true;
  } catch (error) {
    frame.locals[accu] = evalError(error);
    // Only `all` and `exists`, which have a condition, can get a value after an error.
    return condition.constant === undefined;
  }
}
