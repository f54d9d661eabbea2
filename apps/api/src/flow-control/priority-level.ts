import type { PriorityLevelConfiguration } from '#kinds';
import type { LevelCells } from './flow-metrics.js';
import { type Pace, QueueSet, type QueueSettings } from './queue-set.js';
import { RetryAfter } from './retry-after.js';
import { dealHand } from './shuffle-sharding.js';

/** Most of its seats that one request of a level may take. */
const MOST_OF_LEVEL = 0.15;
/** Hands of flows that are kept: dealing one takes a hash. */
const KEPT_HANDS = 4096;

/** A priority level as it works now. */
export class PriorityLevel {
  readonly queues: QueueSet;
  readonly retryAfter = new RetryAfter();
  nominal = 0;
  /** Seats with all lent, and with all borrowed. */
  least = 0;
  most = 0;
  /** Seats that one request may take; 0: the level has no limit of its own. */
  maxSeats = 0;
  /** Its object is gone, and requests are still under way. */
  isQuiescing = false;
  private withoutSeats = 1;
  private settings: QueueSettings = { queues: 0, handSize: 1, queueLengthLimit: 1 };
  private readonly hands = new Map<string, readonly number[]>();

  constructor(
    public object: PriorityLevelConfiguration,
    readonly cells: LevelCells,
    pace: Pace,
    clock: () => number,
  ) {
    this.queues = new QueueSet(pace, clock, cells.utilization);
  }

  get name(): string {
    return this.object.metadata.name!;
  }

  get uid(): string {
    return this.object.metadata.uid ?? '';
  }

  get isExempt(): boolean {
    return this.object.spec.type === 'Exempt';
  }

  get shares(): number {
    return sharesOf(this.object);
  }

  /** Its part of the seats of the server. `nominal`: by its shares. */
  setShare(nominal: number, serverSeats: number): void {
    const { exempt, limited } = this.object.spec;
    const lendable = Math.round((nominal * ((limited ?? exempt)?.lendablePercent ?? 0)) / 100);
    const borrowing = limited?.borrowingLimitPercent ?? undefined;
    this.nominal = nominal;
    // As the reference: a tenth of the server's.
    this.withoutSeats = Math.max(1, Math.round(serverSeats / 10));
    this.least = nominal - lendable;
    this.most = nominal + (borrowing === undefined ? serverSeats : Math.round((nominal * borrowing) / 100));
    this.settings = settingsOf(this.object);
    const { queues, handSize } = this.settings;
    this.maxSeats =
      queues > 0
        ? Math.max(1, Math.min(Math.ceil(nominal * MOST_OF_LEVEL), Math.floor(nominal / handSize)))
        : this.maxSeats;
    this.hands.clear();
    this.cells.nominal.value = nominal;
    this.cells.lower.value = this.least;
    this.cells.upper.value = this.most;
  }

  setLimit(seats: number): void {
    this.queues.configure(this.settings, seats, this.withoutSeats);
    this.cells.current.value = seats;
  }

  /** The queues that a flow may wait in. */
  handOf(schema: string, flow: () => string): readonly number[] {
    const { queues, handSize } = this.settings;
    if (queues <= 1) return ONLY;
    const key = `${schema}\0${flow()}`;
    let hand = this.hands.get(key);
    if (!hand) {
      if (this.hands.size >= KEPT_HANDS) this.hands.clear();
      hand = dealHand(queues, handSize, schema, flow());
      this.hands.set(key, hand);
    }
    return hand;
  }
}

const ONLY: readonly number[] = [0];

export function sharesOf({ spec }: PriorityLevelConfiguration): number {
  const { limited, exempt } = spec;
  return (limited ? limited.nominalConcurrencyShares : exempt?.nominalConcurrencyShares) ?? 0;
}

function settingsOf({ spec }: PriorityLevelConfiguration): QueueSettings {
  if (spec.type === 'Exempt') return { queues: -1, handSize: 1, queueLengthLimit: 1 };
  const queuing = spec.limited?.limitResponse.queuing;
  return {
    queues: queuing?.queues ?? 0,
    handSize: queuing?.handSize ?? 1,
    queueLengthLimit: queuing?.queueLengthLimit ?? 1,
  };
}

/** Validation lets nothing else through; what is broken all the same is taken for absent, as the reference does. */
export function isSound({ metadata, spec }: PriorityLevelConfiguration): boolean {
  const { type, limited, exempt } = spec;
  if ((type === 'Limited') !== Boolean(limited) || (type === 'Exempt') !== Boolean(exempt)) return false;
  if ((type === 'Exempt') !== (metadata.name === 'exempt')) return false;
  return !limited || (limited.limitResponse.type === 'Queue') === Boolean(limited.limitResponse.queuing);
}
