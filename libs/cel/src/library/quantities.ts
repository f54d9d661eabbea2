import { Quantity, QuantityError } from '#apimachinery';
import type { Functions } from '../check/declarations.js';
import { cel } from '../type.js';
import { fail, OpaqueValue, type Value } from '../values/value.js';

/** Quantities of Kubernetes: k8s.io/apiserver/pkg/cel/library/quantity.go. */

export const QUANTITY = cel.object('kubernetes.Quantity', {});

class QuantityValue extends OpaqueValue {
  readonly type = QUANTITY;

  constructor(readonly quantity: Quantity) {
    super();
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof QuantityValue && other.quantity.equals(this.quantity);
  }

  override plain(): unknown {
    return this.quantity.toString();
  }
}

export function declareQuantities(functions: Functions): void {
  const { bool, double, int, string } = cel;
  const of = (value: Value | undefined) => (value as QuantityValue).quantity;
  const make = (quantity: Quantity) => new QuantityValue(quantity);
  functions.global('quantity', 'string_to_quantity', [string], QUANTITY, (text) => make(parse(text as string)));
  functions.global(
    'isQuantity',
    'is_quantity_string',
    [string],
    bool,
    (text) => tryParse(text as string) instanceof Quantity,
  );
  functions.global('sign', 'quantity_sign', [QUANTITY], int, (value) => BigInt(of(value).sign()));
  const compare = (name: string, id: string, holds: (order: number) => boolean) =>
    functions.member(name, id, [QUANTITY, QUANTITY], bool, (a, b) => holds(of(a).compare(of(b))));
  compare('isGreaterThan', 'quantity_is_greater_than', (order) => order > 0);
  compare('isLessThan', 'quantity_is_less_than', (order) => order < 0);
  functions.member('compareTo', 'quantity_compare_to', [QUANTITY, QUANTITY], int, (a, b) =>
    BigInt(of(a).compare(of(b))),
  );
  functions.member('asApproximateFloat', 'quantity_get_float', [QUANTITY], double, (value) => of(value).toNumber());
  functions.member('asInteger', 'quantity_get_int', [QUANTITY], int, (value) => {
    return integerOf(of(value)) ?? fail('cannot convert value to integer');
  });
  functions.member('isInteger', 'quantity_is_integer', [QUANTITY], bool, (value) => integerOf(of(value)) !== undefined);
  functions.member('add', 'quantity_add', [QUANTITY, QUANTITY], QUANTITY, (a, b) => make(of(a).add(of(b))));
  functions.member('add', 'quantity_add_int', [QUANTITY, int], QUANTITY, (a, b) =>
    make(of(a).add(Quantity.of(b as bigint))),
  );
  functions.member('sub', 'quantity_sub', [QUANTITY, QUANTITY], QUANTITY, (a, b) => make(of(a).sub(of(b))));
  functions.member('sub', 'quantity_sub_int', [QUANTITY, int], QUANTITY, (a, b) =>
    make(of(a).sub(Quantity.of(b as bigint))),
  );
}

function tryParse(text: string): Quantity | QuantityError {
  try {
    // The class trims what fields of objects hold; the reference's parser does not.
    if (text.trim() !== text || text === '') return new QuantityError(NO_QUANTITY);
    return Quantity.parse(text);
  } catch (error) {
    if (error instanceof QuantityError) return error;
    throw error;
  }
}

const NO_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function parse(text: string): Quantity {
  const quantity = tryParse(text);
  return quantity instanceof QuantityError ? fail(quantity.message) : quantity;
}

function integerOf(quantity: Quantity): bigint | undefined {
  const whole = quantity.unreducedInteger();
  return whole !== undefined && BigInt.asIntN(64, whole) === whole ? whole : undefined;
}
