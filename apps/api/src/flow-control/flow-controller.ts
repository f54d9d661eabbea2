import type { UserInfo } from '#apimachinery';
import type { FlowSchema, PriorityLevelConfiguration } from '#kinds';
import type { FlowMetrics, Rejection } from './flow-metrics.js';
import { type CompiledFlowSchema, compileFlowSchema, sortedSchemas } from './flow-schema.js';
import { isSound, PriorityLevel, sharesOf } from './priority-level.js';
import { Ticket } from './queue-set.js';
import { allocateSeats, type SeatClaim } from './seat-allocation.js';
import { Turns } from './turns.js';
import { type EstimatedRequest, WorkEstimator } from './work-estimator.js';

/** How often levels lend seats anew. */
export const BORROWING_MS = 10_000;

/** The objects that there have to be, also while the API has none. */
export interface MandatoryObjects {
  levels: readonly PriorityLevelConfiguration[];
  schemas: readonly FlowSchema[];
}

export interface FlowControllerOptions {
  /** Seats of the whole server. */
  seats: number;
  mandatory: MandatoryObjects;
  estimator: WorkEstimator;
  metrics: FlowMetrics;
  /** Seconds, monotonic. */
  clock?: () => number;
  turns?: Turns;
}

/** A request that was classified. */
export interface FlowPass {
  readonly schemaUid: string;
  readonly levelUid: string;
  readonly ticket: Ticket;
  readonly level: PriorityLevel;
  readonly outcome: 'begun' | 'waiting' | Rejection;
}

const CATCH_ALL = 'catch-all';

/** Classifies requests, and divides the seats of the server among priority levels. */
export class FlowController {
  private schemas: readonly CompiledFlowSchema[] = [];
  private levels = new Map<string, PriorityLevel>();
  private nominalSum = 0;
  private readonly turns: Turns;
  private readonly clock: () => number;

  constructor(private readonly options: FlowControllerOptions) {
    this.turns = options.turns ?? new Turns();
    this.clock = options.clock ?? (() => performance.now() / 1000);
    this.configure([], []);
    options.metrics.onCollect(() => this.show());
  }

  /** Takes up the objects of the API. Schemas of levels that are not there are not used. */
  configure(levelObjects: readonly PriorityLevelConfiguration[], schemaObjects: readonly FlowSchema[]): void {
    const wanted = new Map<string, PriorityLevelConfiguration>();
    for (const object of this.options.mandatory.levels) wanted.set(object.metadata.name!, object);
    for (const object of levelObjects) if (isSound(object)) wanted.set(object.metadata.name!, object);
    this.schemas = this.usable(schemaObjects, wanted);
    const levels = new Map<string, PriorityLevel>();
    for (const [name, object] of wanted) levels.set(name, this.levelOf(object));
    for (const [name, level] of this.levels) {
      if (levels.has(name) || level.queues.isIdle) continue;
      // Its requests are served to the end.
      level.isQuiescing = true;
      levels.set(name, level);
    }
    this.divide(levels);
  }

  /** Classifies the request, and lets it begin, wait or be rejected. `waited` is called when one that waits begins. */
  start(user: UserInfo, request: EstimatedRequest, waited: () => void): FlowPass {
    const schema = this.schemas.find((candidate) => candidate.matches(user, request)) ?? this.catchAll;
    const level = this.levels.get(schema.level)!;
    const cells = this.options.metrics.flow(level.name, schema.name);
    const estimate = this.options.estimator.estimate(request, level.maxSeats);
    const flow = () => schema.flowOf(user, request);
    const hand = level.isExempt ? [] : level.handOf(schema.name, flow);
    const ticket = new Ticket(cells, hand, estimate, { schema: schema.name, flow, user, request });
    ticket.begin = waited;
    cells.estimatedSeats.observe(ticket.seats);
    if (estimate.watchers !== undefined) cells.watchers.observe(estimate.watchers);
    const outcome = level.queues.start(ticket);
    if (outcome !== 'waiting' && !level.isExempt) {
      (outcome === 'begun' ? cells.waitedAndExecuted : cells.waitedInVain).observe(0);
    }
    return { schemaUid: schema.uid, levelUid: level.uid, ticket, level, outcome };
  }

  /** Seconds after which a rejected client is to come again. */
  reject({ ticket, level }: FlowPass, reason: Rejection): number {
    ticket.cells.rejected(reason).value += 1;
    return level.retryAfter.rejected(this.clock());
  }

  /** One that waited begins, or does not. */
  waited({ ticket }: FlowPass, begun: boolean): void {
    const seconds = this.clock() - ticket.arrival;
    (begun ? ticket.cells.waitedAndExecuted : ticket.cells.waitedInVain).observe(seconds);
  }

  cancel({ ticket, level }: FlowPass): void {
    level.queues.cancel(ticket);
    this.reap(level);
  }

  finish({ ticket, level }: FlowPass, isWatch: boolean): void {
    if (ticket.state !== 'executing') return;
    const { execution, watchInitialization } = ticket.cells;
    (isWatch ? watchInitialization : execution).observe(this.clock() - ticket.started);
    level.queues.finish(ticket);
    this.reap(level);
  }

  /** Levels that need their seats less lend them to those that need them more. */
  borrow(): void {
    const now = this.clock();
    for (const level of this.levels.values()) level.queues.demand.update(now);
    this.lend(this.levels);
  }

  /** The levels, for the debugging pages. */
  get state(): ReadonlyMap<string, PriorityLevel> {
    return this.levels;
  }

  /** Whether a schema that names the level is used. */
  static findsLevel(name: string, levels: readonly PriorityLevelConfiguration[]): boolean {
    return levels.some((object) => object.metadata.name === name && isSound(object));
  }

  private get catchAll(): CompiledFlowSchema {
    return this.schemas.find(({ name }) => name === CATCH_ALL)!;
  }

  private usable(
    objects: readonly FlowSchema[],
    levels: ReadonlyMap<string, PriorityLevelConfiguration>,
  ): CompiledFlowSchema[] {
    const named = new Map(this.options.mandatory.schemas.map((object) => [object.metadata.name!, object]));
    for (const object of objects) {
      if (levels.has(object.spec.priorityLevelConfiguration.name)) named.set(object.metadata.name!, object);
    }
    return sortedSchemas([...named.values()]).map(compileFlowSchema);
  }

  private levelOf(object: PriorityLevelConfiguration): PriorityLevel {
    const name = object.metadata.name!;
    const level =
      this.levels.get(name) ?? new PriorityLevel(object, this.options.metrics.level(name), this.turns, this.clock);
    level.object = object;
    level.isQuiescing = false;
    return level;
  }

  private divide(levels: Map<string, PriorityLevel>): void {
    const { seats } = this.options;
    let shares = 0;
    for (const { object } of levels.values()) shares += sharesOf(object);
    this.nominalSum = 0;
    for (const level of levels.values()) {
      const isNew = !this.levels.has(level.name);
      level.setShare(shares === 0 ? 0 : Math.ceil((seats * level.shares) / shares), seats);
      this.nominalSum += level.nominal;
      if (isNew) level.setLimit(level.nominal - Math.floor((level.nominal - level.least) / 2));
    }
    this.levels = levels;
    this.turns.serve([...levels.values()].map(({ queues }) => queues));
    this.lend(levels);
  }

  private lend(levels: ReadonlyMap<string, PriorityLevel>): void {
    const limited = [...levels.values()].filter(({ isExempt }) => !isExempt);
    let seats = this.nominalSum;
    for (const level of levels.values()) {
      if (!level.isExempt) continue;
      const taken = Math.max(level.least, level.queues.demand.highWatermark);
      seats -= taken;
      level.setLimit(taken);
      this.tell(level, taken);
    }
    const lowest = (level: PriorityLevel) =>
      Math.max(level.least, Math.min(level.nominal, level.queues.demand.highWatermark));
    const sum = (pick: (level: PriorityLevel) => number) => limited.reduce((all, level) => all + pick(level), 0);
    const leastSum = sum(({ least }) => least);
    const lowestSum = sum(lowest);
    const claims = limited.map((level): SeatClaim => {
      const low = lowest(level);
      return { low, high: Math.max(low, level.most), target: Math.max(low, level.queues.demand.smoothed) };
    });
    // What exempt requests take may leave less than the levels keep for themselves.
    const solution = seats > lowestSum ? allocateSeats(this.nominalSum, claims) : undefined;
    const fraction = lowestSum > leastSum ? Math.max(0, (seats - leastSum) / (lowestSum - leastSum)) : 0;
    this.options.metrics.fairFraction.value = solution?.proportion ?? 0;
    for (const [i, level] of limited.entries()) {
      let limit = level.least;
      if (solution) limit = Math.round(solution.shares[i]!);
      else if (seats > lowestSum) limit = level.queues.limit;
      else if (seats > leastSum) limit += Math.round((lowest(level) - level.least) * fraction);
      level.setLimit(limit);
      this.tell(level, claims[i]!.target);
    }
  }

  private tell({ cells, queues }: PriorityLevel, target: number): void {
    const { demand } = queues;
    cells.highWatermark.value = demand.highWatermark;
    cells.average.value = demand.average;
    cells.deviation.value = demand.deviation;
    cells.smoothed.value = demand.smoothed;
    cells.target.value = target;
  }

  private show(): void {
    for (const { cells, queues } of this.levels.values()) {
      queues.refresh();
      cells.currentR.value = queues.currentR;
      cells.dispatchR.value = queues.lastDispatchR;
      cells.latestS.value = queues.lastDispatchR;
      const bounds = queues.bounds();
      if (!bounds) continue;
      [cells.nextS.min.value, cells.nextS.max.value] = bounds.due;
      [cells.nextDiscountedS.min.value, cells.nextDiscountedS.max.value] = bounds.discounted;
    }
  }

  /** A level whose object is gone goes with its last request. */
  private reap(level: PriorityLevel): void {
    if (!level.isQuiescing || !level.queues.isIdle) return;
    const levels = new Map(this.levels);
    levels.delete(level.name);
    this.divide(levels);
  }
}
