/** Numbers as Go reads them from JSON: int64 when they are whole and fit, else float64. */

const MAX_SAFE = 2 ** 53 - 1;
const EPSILON = 1e-9;

export function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

/** What go-openapi takes for an integer. */
export function isNearInteger(value: number): boolean {
  if (Number.isNaN(value) || Math.abs(value) > MAX_SAFE) return false;
  const rounded = Math.sign(value) * Math.round(Math.abs(value));
  if (value === rounded) return true;
  return rounded !== 0 && Math.abs(value - rounded) < EPSILON * Math.abs(rounded);
}
