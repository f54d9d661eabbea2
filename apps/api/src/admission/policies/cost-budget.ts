const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** All expressions together cost too much. */
export class OutOfBudget extends Error {
  constructor() {
    super(OUT_OF_BUDGET);
  }
}

/** Units of cost that expressions may take: of one evaluation, and within that of what it belongs to. */
export class CostBudget {
  constructor(
    private left: number,
    private readonly whole?: CostBudget,
  ) {}

  /** A part that may take no more than `limit`, nor than this has. */
  part(limit: number): CostBudget {
    return new CostBudget(limit, this);
  }

  /** Throws OutOfBudget where nothing is left to begin with. */
  check(): void {
    if (this.left < 0) throw new OutOfBudget();
    this.whole?.check();
  }

  /** Throws OutOfBudget. */
  spend(cost: number): void {
    this.left -= cost;
    this.whole?.spend(cost);
    if (this.left < 0) throw new OutOfBudget();
  }
}
