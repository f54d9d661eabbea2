import { largest, smallest, type UserInfo } from '#apimachinery';
import type { FlowCells, Rejection, Utilization } from './flow-metrics.js';
import type { FlowRequest } from './flow-schema.js';
import { SeatDemand } from './seat-demand.js';

/** What serving a request takes. */
export interface WorkEstimate {
  /** Seats while it is served, and those that its effects take for `extraSeconds` after it. */
  initialSeats: number;
  finalSeats: number;
  extraSeconds: number;
}

export const ONE_SEAT: WorkEstimate = Object.freeze({ initialSeats: 1, finalSeats: 0, extraSeconds: 0 });

export interface QueueSettings {
  /** 0: what does not fit is rejected. -1: nothing is limited. */
  queues: number;
  handSize: number;
  queueLengthLimit: number;
}

/** A guess, for the order of requests; it is put right when a request is over. Seconds. */
const SERVICE_SECONDS = 0.003;

/** A request that takes part. */
export class Ticket {
  readonly seats: number;
  /** Seat-seconds. */
  readonly work: number;
  arrival = 0;
  arrivalR = 0;
  started = 0;
  queue: Queue | undefined;
  state: 'new' | 'waiting' | 'ready' | 'executing' | 'over' = 'new';
  /** Called once for a request that had to wait. */
  begin: (() => void) | undefined;

  constructor(
    readonly cells: FlowCells,
    /** Queues that it may wait in. */
    readonly hand: readonly number[],
    readonly estimate: WorkEstimate,
    /** For the debugging pages. */
    readonly about?: { schema: string; flow: () => string; user: UserInfo; request: FlowRequest },
  ) {
    const { initialSeats, finalSeats, extraSeconds } = estimate;
    this.seats = Math.max(initialSeats, finalSeats);
    this.work = initialSeats * SERVICE_SECONDS + finalSeats * extraSeconds;
  }
}

class Queue {
  readonly waiting: Ticket[] = [];
  waitingWork = 0;
  executing = 0;
  seatsInUse = 0;
  /** When, in virtual time, its oldest request is due. */
  nextR = 0;

  get isActive(): boolean {
    return this.waiting.length > 0 || this.executing > 0;
  }
}

/** Whether requests may begin now, and who begins those that may not. */
export interface Pace {
  isOpen(now: number): boolean;
  /** Requests wait that could begin. */
  wake(): void;
}

/**
 * The queues and seats of one priority level: fair queuing for server requests, as KEP 1040 describes it. The virtual time R counts
 * seat-seconds for each active queue. A queue's next request is due at `nextR`, and the one that would end first goes first. Sums are
 * kept as requests come and go, so that a request that need not wait looks at no queue but its own.
 */
export class QueueSet {
  limit = 0;
  seatsInUse = 0;
  seatsWaiting = 0;
  executing = 0;
  waiting = 0;
  dispatched = 0;
  rejected = 0;
  timedOut = 0;
  readonly demand: SeatDemand;
  currentR = 0;
  lastDispatchR = 0;
  /** Served seats for each seat of the limit: what levels take turns by. */
  paced = 0;
  private settings: QueueSettings = { queues: 0, handSize: 1, queueLengthLimit: 1 };
  private queues: Queue[] = [];
  private activeQueues = 0;
  private readonly withWaiting = new Set<Queue>();
  /** Those that have seats. */
  readonly underWay = new Set<Ticket>();
  /** Of a level without queues: have their seats, and wait for their turn. */
  private readonly ready: Ticket[] = [];
  private enqueues = 0;
  private robin = 0;
  /** What utilization is a fraction of. */
  private scale = { seats: 1, places: 1 };
  private syncedAt: number;

  /** Times are seconds of a monotonic clock. */
  constructor(
    private readonly pace: Pace,
    private readonly clock: () => number,
    private readonly utilization?: Utilization,
  ) {
    this.syncedAt = clock();
    this.demand = new SeatDemand(this.syncedAt);
  }

  get isIdle(): boolean {
    return this.waiting === 0 && this.executing === 0;
  }

  /** Queues that are no more configured go when they are empty. A level without seats shows use as a fraction of `instead`. */
  configure(settings: QueueSettings, limit: number, instead = 1): void {
    this.sync();
    this.settings = settings;
    this.limit = limit;
    const { queues, queueLengthLimit } = settings;
    this.scale = { seats: limit || instead, places: Math.max(1, queueLengthLimit) * Math.max(1, queues) };
    while (this.queues.length < settings.queues) this.queues.push(new Queue());
    while (this.queues.length > Math.max(settings.queues, 0) && !this.queues.at(-1)!.isActive) this.queues.pop();
    if (this.waiting > 0) this.pace.wake();
  }

  /** Begins a request, or lets it wait (`ticket.begin` is called then), or says why it is rejected. */
  start(ticket: Ticket): 'begun' | 'waiting' | Rejection {
    const now = this.sync();
    ticket.arrival = now;
    ticket.arrivalR = this.currentR;
    if (this.settings.queues < 1) return this.startWithoutQueue(ticket, now);
    const queue = this.shortestOf(ticket.hand);
    if (this.seatsInUse >= this.limit && queue.waiting.length >= this.settings.queueLengthLimit) {
      this.rejected += 1;
      return 'queue-full';
    }
    ticket.queue = queue;
    if (!queue.isActive) {
      queue.nextR = this.currentR;
      this.activeQueues += 1;
    }
    ticket.cells.queueLength.observe(queue.waiting.length + 1);
    if (this.waiting === 0 && this.fits(ticket.seats) && this.pace.isOpen(now)) {
      this.execute(ticket, now);
      return 'begun';
    }
    this.enqueue(ticket, queue, now);
    this.pace.wake();
    return 'waiting';
  }

  /** A request that has not begun is not wanted any more, or has waited too long. */
  cancel(ticket: Ticket): void {
    const now = this.sync();
    if (ticket.state === 'ready') {
      this.ready.splice(this.ready.indexOf(ticket), 1);
      this.leave(ticket, now);
    } else if (ticket.state === 'waiting') {
      this.dequeue(ticket, now);
      ticket.state = 'over';
      this.settleQueue(ticket.queue!);
      if (this.waiting > 0) this.pace.wake();
    } else return;
    this.rejected += 1;
    this.timedOut += 1;
  }

  /** A request is over; its seats may be taken for a while yet. */
  finish(ticket: Ticket): void {
    if (ticket.state !== 'executing') return;
    this.leave(ticket, this.sync());
  }

  /** Whether there is something to begin. */
  get canDispatch(): boolean {
    return this.ready.length > 0 || (this.waiting > 0 && this.seatsInUse < this.limit);
  }

  /** Begins the next request; false when none can. */
  dispatch(): boolean {
    const now = this.sync();
    const ready = this.ready.shift();
    if (ready) {
      ready.state = 'executing';
      ready.begin?.();
      return true;
    }
    const queue = this.nextQueue();
    const ticket = queue?.waiting[0];
    if (!ticket || this.seatsInUse >= this.limit) return false;
    if (!this.fits(ticket.seats)) {
      ticket.cells.noAccommodation.value += 1;
      return false;
    }
    this.robin = this.queues.indexOf(queue);
    this.dequeue(ticket, now);
    this.execute(ticket, now);
    this.bound(queue);
    ticket.begin?.();
    return true;
  }

  /** The first and the last virtual times at which queues are due, and the same less the work that is under way. */
  bounds(): { due: [number, number]; discounted: [number, number] } | undefined {
    const queues = [...this.withWaiting];
    if (queues.length === 0) return undefined;
    const range = (times: number[]): [number, number] => [
      smallest(times, Number.POSITIVE_INFINITY),
      largest(times, Number.NEGATIVE_INFINITY),
    ];
    return {
      due: range(queues.map(({ nextR }) => nextR)),
      discounted: range(queues.map(({ nextR, seatsInUse }) => nextR - seatsInUse * SERVICE_SECONDS)),
    };
  }

  /** Brings what is shown up to now. */
  refresh(): void {
    this.sync();
  }

  /** For the debugging pages. */
  dump(): readonly Readonly<Queue>[] {
    return this.queues;
  }

  private startWithoutQueue(ticket: Ticket, now: number): 'begun' | 'waiting' | Rejection {
    const isExempt = this.settings.queues < 0;
    if (!isExempt && !this.fits(ticket.seats)) {
      this.rejected += 1;
      return 'concurrency-limit';
    }
    this.execute(ticket, now);
    if (isExempt || (this.ready.length === 0 && this.pace.isOpen(now))) return 'begun';
    ticket.state = 'ready';
    this.ready.push(ticket);
    this.pace.wake();
    return 'waiting';
  }

  private fits(seats: number): boolean {
    // What wants more than there is goes alone.
    if (seats > this.limit) return this.executing === 0;
    return this.seatsInUse + seats <= this.limit;
  }

  /**
   * Brings the virtual time up to now, by the seats that are in use. The reference counts those that are wanted, too, up to the limit:
   * where requests wait for the thread, and not for seats, that runs ahead of what is served, and would make the order that of arrival.
   */
  private sync(): number {
    const now = this.clock();
    const passed = now - this.syncedAt;
    if (this.activeQueues > 0) this.currentR += (this.seatsInUse / this.activeQueues) * passed;
    if (this.utilization && passed > 0) this.observe(this.utilization, Math.round(passed * 1e9));
    this.syncedAt = now;
    return now;
  }

  /** Nothing has changed in that time: whoever changes something syncs before. */
  private observe({ seats, executing, waiting }: Utilization, nanoseconds: number): void {
    seats.observe(this.seatsInUse / this.scale.seats, nanoseconds);
    executing.observe(this.executing / this.scale.seats, nanoseconds);
    waiting.observe(this.waiting / this.scale.places, nanoseconds);
  }

  private shortestOf(hand: readonly number[]): Queue {
    const first = this.enqueues % hand.length;
    this.enqueues += 1;
    let best = this.queues[hand[first]!]!;
    if (best.waitingWork === 0) return best;
    for (let i = 1; i < hand.length; i += 1) {
      const queue = this.queues[hand[(first + i) % hand.length]!]!;
      if (queue.waitingWork < best.waitingWork) best = queue;
    }
    return best;
  }

  private enqueue(ticket: Ticket, queue: Queue, now: number): void {
    ticket.state = 'waiting';
    queue.waiting.push(ticket);
    queue.waitingWork += ticket.work;
    this.withWaiting.add(queue);
    this.waiting += 1;
    this.seatsWaiting += ticket.seats;
    ticket.cells.waitingRequests.value += 1;
    ticket.cells.waitingSeats.value += ticket.seats;
    this.bound(queue);
    this.demand.set(this.seatsInUse + this.seatsWaiting, now);
  }

  private dequeue(ticket: Ticket, now: number): void {
    const queue = ticket.queue!;
    queue.waiting.splice(queue.waiting.indexOf(ticket), 1);
    // Sums of fractions do not come back to zero by themselves.
    queue.waitingWork = queue.waiting.length === 0 ? 0 : queue.waitingWork - ticket.work;
    if (queue.waiting.length === 0) this.withWaiting.delete(queue);
    this.waiting -= 1;
    this.seatsWaiting -= ticket.seats;
    ticket.cells.waitingRequests.value -= 1;
    ticket.cells.waitingSeats.value -= ticket.seats;
    this.demand.set(this.seatsInUse + this.seatsWaiting, now);
  }

  private execute(ticket: Ticket, now: number): void {
    const { queue, seats, cells } = ticket;
    ticket.state = 'executing';
    ticket.started = now;
    this.executing += 1;
    this.underWay.add(ticket);
    this.dispatched += 1;
    this.seatsInUse += seats;
    cells.executingRequests.value += 1;
    cells.executingSeats.value += seats;
    cells.dispatched.value += 1;
    this.demand.set(this.seatsInUse + this.seatsWaiting, now);
    if (!queue) return;
    queue.executing += 1;
    queue.seatsInUse += seats;
    this.lastDispatchR = queue.nextR;
    queue.nextR += ticket.work;
  }

  private leave(ticket: Ticket, now: number): void {
    const { queue, estimate, cells } = ticket;
    ticket.state = 'over';
    this.executing -= 1;
    this.underWay.delete(ticket);
    cells.executingRequests.value -= 1;
    if (queue) {
      queue.executing -= 1;
      queue.nextR -= estimate.initialSeats * (SERVICE_SECONDS - (now - ticket.started));
      this.bound(queue);
      this.settleQueue(queue);
    }
    if (estimate.extraSeconds > 0) {
      setTimeout(() => this.release(ticket, this.sync()), estimate.extraSeconds * 1000).unref();
    } else this.release(ticket, now);
  }

  private release({ queue, seats, cells }: Ticket, now: number): void {
    this.seatsInUse -= seats;
    cells.executingSeats.value -= seats;
    if (queue) queue.seatsInUse -= seats;
    this.demand.set(this.seatsInUse + this.seatsWaiting, now);
    if (this.waiting > 0) this.pace.wake();
  }

  /** The queue may just have become inactive, and may be one too many. */
  private settleQueue(queue: Queue): void {
    if (queue.isActive) return;
    this.activeQueues -= 1;
    while (this.queues.length > Math.max(this.settings.queues, 0) && !this.queues.at(-1)!.isActive) this.queues.pop();
  }

  /** A queue that could not use its seats does not save them up: nothing is due before it has arrived. */
  private bound(queue: Queue): void {
    const oldest = queue.waiting[0];
    if (oldest && queue.nextR < oldest.arrivalR) queue.nextR = oldest.arrivalR;
  }

  /** Of the queues whose oldest request would end first, the next after the last that was served. */
  private nextQueue(): Queue | undefined {
    let best: Queue | undefined;
    let bestEnd = Number.POSITIVE_INFINITY;
    let bestDistance = 0;
    for (const queue of this.withWaiting) {
      const end = queue.nextR + queue.waiting[0]!.work;
      if (end > bestEnd) continue;
      const count = this.queues.length;
      const distance = (this.queues.indexOf(queue) - this.robin - 1 + 2 * count) % count;
      if (end === bestEnd && distance > bestDistance) continue;
      best = queue;
      bestEnd = end;
      bestDistance = distance;
    }
    return best;
  }
}
