/**
 * Appends the items in place. `push(...items)` puts every item on the stack, which overflows at some 120,000: never
 * spread into arguments what a client can make long.
 */
export function appendAll<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}

/** The smallest number, or `most` when none is smaller; for lists that a client can make long. */
export function smallest(numbers: Iterable<number>, most: number): number {
  let least = most;
  for (const number of numbers) if (number < least) least = number;
  return least;
}

/** The largest number, or `least` when none is larger; for lists that a client can make long. */
export function largest(numbers: Iterable<number>, least: number): number {
  let most = least;
  for (const number of numbers) if (number > most) most = number;
  return most;
}
