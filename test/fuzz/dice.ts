import { randomOf } from '#testing';

/** Choices from one seed: the same seed makes the same choices. */
export class Dice {
  private readonly random: () => number;

  constructor(readonly seed: number) {
    this.random = randomOf(seed);
    // Neighbouring seeds begin with similar numbers.
    for (let i = 0; i < 8; i++) this.random();
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** One of several ways to go on; only that one is taken. */
  oneOf<T>(...ways: (() => T)[]): T {
    return this.pick(ways)();
  }

  times<T>(atMost: number, make: (at: number) => T): T[] {
    return Array.from({ length: this.below(atMost + 1) }, (_, at) => make(at));
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}
