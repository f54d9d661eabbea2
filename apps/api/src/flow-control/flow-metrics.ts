import type { Cell, Distribution, MetricsRegistry } from '#telemetry';

const WAIT_BUCKETS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const LENGTH_BUCKETS = [0, 10, 25, 50, 100, 250, 500, 1000];
const SEAT_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 100];
const SEAT_USE_BUCKETS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
const REQUEST_USE_BUCKETS = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1];
const WATCH_BUCKETS = [0, 1, 10, 100, 1000, 10_000];

/** Levels and schemas of a cluster, at most. */
const LEVELS = 200;
const LEVEL_LABELS = { priority_level: LEVELS };
const LABELS = { priority_level: LEVELS, flow_schema: 500 };
const REASONS = ['queue-full', 'concurrency-limit', 'time-out', 'cancelled'];

export type Rejection = 'queue-full' | 'concurrency-limit' | 'time-out';

/** What one schema at one level is counted in. */
export interface FlowCells {
  readonly dispatched: Cell;
  readonly waitingRequests: Cell;
  readonly waitingSeats: Cell;
  readonly executingRequests: Cell;
  readonly executingSeats: Cell;
  readonly noAccommodation: Cell;
  readonly queueLength: Distribution;
  readonly waitedAndExecuted: Distribution;
  readonly waitedInVain: Distribution;
  readonly execution: Distribution;
  readonly watchInitialization: Distribution;
  readonly estimatedSeats: Distribution;
  readonly watchers: Distribution;
  rejected(reason: Rejection): Cell;
}

/** How much of a level is in use, as fractions; each nanosecond is an observation. */
export interface Utilization {
  readonly seats: Distribution;
  readonly executing: Distribution;
  readonly waiting: Distribution;
}

/** What one level is shown in. */
export interface LevelCells {
  readonly utilization: Utilization;
  readonly nominal: Cell;
  readonly lower: Cell;
  readonly upper: Cell;
  readonly current: Cell;
  readonly highWatermark: Cell;
  readonly average: Cell;
  readonly deviation: Cell;
  readonly smoothed: Cell;
  readonly target: Cell;
  readonly currentR: Cell;
  readonly dispatchR: Cell;
  readonly latestS: Cell;
  readonly nextS: { min: Cell; max: Cell };
  readonly nextDiscountedS: { min: Cell; max: Cell };
}

/** The reference's metrics of priority and fairness. */
export class FlowMetrics {
  readonly fairFraction: Cell;
  private readonly flows = new Map<string, FlowCells>();
  private readonly levels = new Map<string, LevelCells>();

  constructor(private readonly registry: MetricsRegistry) {
    this.fairFraction = registry
      .gauge({
        name: 'apiserver_flowcontrol_seat_fair_frac',
        help: 'Fraction of its target that each level gets when seats are lent.',
      })
      .cell();
  }

  /** Calls back before each scrape. */
  onCollect(collect: () => void): () => void {
    return this.registry.onCollect(collect);
  }

  flow(level: string, schema: string): FlowCells {
    const key = `${level}\0${schema}`;
    let cells = this.flows.get(key);
    if (!cells) {
      cells = this.flowCells(level, schema);
      this.flows.set(key, cells);
    }
    return cells;
  }

  level(name: string): LevelCells {
    let cells = this.levels.get(name);
    if (!cells) {
      cells = this.levelCells(name);
      this.levels.set(name, cells);
    }
    return cells;
  }

  private flowCells(level: string, schema: string): FlowCells {
    const { registry } = this;
    const gauge = (name: string, help: string) => registry.gauge({ name, help, labels: LABELS }).cell(level, schema);
    const counter = (name: string, help: string) =>
      registry.counter({ name, help, labels: LABELS }).cell(level, schema);
    const histogram = (name: string, help: string, buckets: number[], more = {}, ...values: string[]) =>
      registry.histogram({ name, help, labels: { ...LABELS, ...more } }, buckets).cell(level, schema, ...values);
    const waited = (execute: string) =>
      histogram(
        'apiserver_flowcontrol_request_wait_duration_seconds',
        'Time that requests waited for their turn, in seconds.',
        WAIT_BUCKETS,
        { execute: ['true', 'false'] },
        execute,
      );
    const executed = (type: string) =>
      histogram(
        'apiserver_flowcontrol_request_execution_seconds',
        'Time that requests had their seats; of a watch, until it is initialized.',
        WAIT_BUCKETS,
        { type: ['regular', 'watch'] },
        type,
      );
    const rejected = registry.counter({
      name: 'apiserver_flowcontrol_rejected_requests_total',
      help: 'Requests that were rejected, by reason.',
      labels: { ...LABELS, reason: REASONS },
    });
    return {
      dispatched: counter('apiserver_flowcontrol_dispatched_requests_total', 'Requests that began.'),
      waitingRequests: gauge('apiserver_flowcontrol_current_inqueue_requests', 'Requests that wait now.'),
      waitingSeats: gauge('apiserver_flowcontrol_current_inqueue_seats', 'Seats that waiting requests want.'),
      executingRequests: gauge('apiserver_flowcontrol_current_executing_requests', 'Requests that have seats now.'),
      executingSeats: gauge('apiserver_flowcontrol_current_executing_seats', 'Seats that are taken now.'),
      noAccommodation: counter(
        'apiserver_flowcontrol_request_dispatch_no_accommodation_total',
        'Attempts to begin a request that found too few free seats.',
      ),
      queueLength: histogram(
        'apiserver_flowcontrol_request_queue_length_after_enqueue',
        'Length of a queue, as each request that joins it sees it.',
        LENGTH_BUCKETS,
      ),
      waitedAndExecuted: waited('true'),
      waitedInVain: waited('false'),
      execution: executed('regular'),
      watchInitialization: executed('watch'),
      estimatedSeats: histogram(
        'apiserver_flowcontrol_work_estimated_seats',
        'Seats that requests were estimated to take.',
        SEAT_BUCKETS,
      ),
      watchers: histogram(
        'apiserver_flowcontrol_watch_count_samples',
        'Watchers that a write would be told to.',
        WATCH_BUCKETS,
      ),
      rejected: (reason) => rejected.cell(level, schema, reason),
    };
  }

  private levelCells(level: string): LevelCells {
    const { registry } = this;
    const gauge = (name: string, help: string) => registry.gauge({ name, help, labels: LEVEL_LABELS }).cell(level);
    const bounds = (name: string, help: string) => {
      const labels = { ...LEVEL_LABELS, bound: ['min', 'max'] };
      const family = registry.gauge({ name, help, labels });
      return { min: family.cell(level, 'min'), max: family.cell(level, 'max') };
    };
    const seats = {
      name: 'apiserver_flowcontrol_priority_level_seat_utilization',
      help: 'Fraction of the seats that is taken; each nanosecond is an observation.',
      labels: { ...LEVEL_LABELS, phase: ['executing'] },
    };
    const requests = {
      name: 'apiserver_flowcontrol_priority_level_request_utilization',
      help: 'Requests as a fraction of the seats, or of the places in queues; each nanosecond is an observation.',
      labels: { phase: ['waiting', 'executing'], ...LEVEL_LABELS },
    };
    const inPhase = (phase: string) => registry.histogram(requests, REQUEST_USE_BUCKETS).cell(phase, level);
    return {
      utilization: {
        seats: registry.histogram(seats, SEAT_USE_BUCKETS).cell(level, 'executing'),
        executing: inPhase('executing'),
        waiting: inPhase('waiting'),
      },
      nominal: gauge('apiserver_flowcontrol_nominal_limit_seats', 'Seats by the shares of the level.'),
      lower: gauge(
        'apiserver_flowcontrol_lower_limit_seats',
        'Seats that the level keeps when it lends all that it may.',
      ),
      upper: gauge(
        'apiserver_flowcontrol_upper_limit_seats',
        'Seats that the level has when it borrows all that it may.',
      ),
      current: gauge('apiserver_flowcontrol_current_limit_seats', 'Seats that the level has now.'),
      highWatermark: gauge(
        'apiserver_flowcontrol_demand_seats_high_watermark',
        'Highest demand for seats in the last period.',
      ),
      average: gauge('apiserver_flowcontrol_demand_seats_average', 'Average demand for seats in the last period.'),
      deviation: gauge(
        'apiserver_flowcontrol_demand_seats_stdev',
        'Standard deviation of the demand for seats in the last period.',
      ),
      smoothed: gauge('apiserver_flowcontrol_demand_seats_smoothed', 'Demand for seats, smoothed.'),
      target: gauge('apiserver_flowcontrol_target_seats', 'Seats that the level would have without limits.'),
      currentR: gauge('apiserver_flowcontrol_current_r', 'Virtual time of the level.'),
      dispatchR: gauge('apiserver_flowcontrol_dispatch_r', 'Virtual time of the level at its last dispatch.'),
      latestS: gauge('apiserver_flowcontrol_latest_s', 'Virtual time at which the last dispatched request was due.'),
      nextS: bounds('apiserver_flowcontrol_next_s_bounds', 'First and last virtual time at which queues are due.'),
      nextDiscountedS: bounds(
        'apiserver_flowcontrol_next_discounted_s_bounds',
        'The same, less the work that is under way.',
      ),
    };
  }
}
