/** What one level wants of the seats of the server. `low <= target`, `low <= high`. */
export interface SeatClaim {
  low: number;
  high: number;
  target: number;
}

const LEAST_TARGET = 0.001;
const EPSILON = 1e-7;

/**
 * Divides `sum` so that each claim gets the same multiple of its target, within its bounds. Returns the shares and that multiple;
 * undefined when the bounds leave no solution.
 */
export function allocateSeats(
  sum: number,
  claims: readonly SeatClaim[],
): { shares: number[]; proportion: number } | undefined {
  const targets = claims.map(({ target }) => Math.max(target, LEAST_TARGET));
  const total = (pick: (claim: SeatClaim) => number) => claims.reduce((all, claim) => all + pick(claim), 0);
  const lowest = total(({ low }) => low);
  const highest = total(({ high }) => high);
  if (lowest - sum > EPSILON || sum - highest > EPSILON) return undefined;
  const shareAt = (proportion: number, i: number) =>
    Math.max(claims[i]!.low, Math.min(claims[i]!.high, proportion * targets[i]!));
  // The sum of the shares grows with the proportion, in straight lines between the bounds.
  const bounds = claims.flatMap(({ low, high }, i) => [low / targets[i]!, high / targets[i]!]).sort((a, b) => a - b);
  let from = bounds[0] ?? 0;
  for (const to of bounds) {
    const sumAt = (proportion: number) => claims.reduce((all, _, i) => all + shareAt(proportion, i), 0);
    if (sumAt(to) >= sum - EPSILON) {
      const [before, after] = [sumAt(from), sumAt(to)];
      const proportion = after > before ? from + ((sum - before) / (after - before)) * (to - from) : from;
      return { shares: claims.map((_, i) => shareAt(proportion, i)), proportion };
    }
    from = to;
  }
  return { shares: claims.map(({ high }) => high), proportion: from };
}
