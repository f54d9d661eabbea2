import type { ResourceTable } from '../registry/resource-table.js';
import type { CachedObject } from '../storage/store.js';
import type { FlowRequest } from './flow-schema.js';
import { ONE_SEAT, type WorkEstimate } from './queue-set.js';
import type { WatchTracker } from './watch-tracker.js';

/** The reference's figures: a seat for 100 kB of a list, of which at most 1 MB are in memory at once. */
const BYTES_PER_SEAT = 100_000;
const MOST_LIST_BYTES = 1_000_000;
const MOST_LIST_SEATS = 100;
/** A tenth of a seat for 5 ms, for each watcher that a write is told to. */
const WATCHERS_PER_SEAT = 10;
const EVENT_SECONDS = 0.005;
const MOST_WRITE_SEATS = 10;

/** Objects that the average size of a resource is taken from, and how long it holds. */
const SAMPLE = 16;
const SAMPLE_MS = 60_000;

const WRITES = new Set(['create', 'update', 'patch', 'delete']);

export interface EstimatedRequest extends FlowRequest {
  query: URLSearchParams;
}

export interface Estimate extends WorkEstimate {
  /** Of a write: those that it will be told to. */
  watchers?: number;
}

/** Guesses what serving a request takes: lists by the bytes that they send, writes by the watchers that are told. */
export class WorkEstimator {
  private readonly sizes = new Map<string, { bytes: number; until: number }>();

  constructor(
    private readonly resources: Pick<ResourceTable, 'find'>,
    private readonly watches: WatchTracker,
  ) {}

  /** `maxSeats`: of the level; 0: it has no limit of its own. */
  estimate(request: EstimatedRequest, maxSeats: number): Estimate {
    if (!request.isResourceRequest) return ONE_SEAT;
    if (request.verb === 'list' || request.verb === 'watch') return this.list(request, maxSeats);
    return WRITES.has(request.verb) ? this.write(request, maxSeats) : ONE_SEAT;
  }

  private list(request: EstimatedRequest, maxSeats: number): WorkEstimate {
    if (request.verb === 'watch' && !sendsState(request.query)) return ONE_SEAT;
    const { group, version, resource, name, query } = request;
    const entry = this.resources.find(group, version, resource);
    if (!entry || entry.computed || !entry.verbs.has('watch')) return ONE_SEAT;
    const stored = entry.cache.size;
    const limit = Number(query.get('limit')) || stored;
    const objects = name !== '' ? 1 : Math.min(stored, limit);
    // A few objects take one seat, however large: the sample is not needed.
    const bytes =
      objects === 0
        ? 0
        : objects * this.sizeOf(`${group}/${resource}`, () => entry.cache.list({ limit: SAMPLE })?.items);
    const wanted = Math.ceil(Math.min(bytes, MOST_LIST_BYTES) / BYTES_PER_SEAT);
    const seats = Math.max(1, Math.min(wanted, maxSeats || MOST_LIST_SEATS, MOST_LIST_SEATS));
    return seats === 1 ? ONE_SEAT : { initialSeats: seats, finalSeats: 0, extraSeconds: 0 };
  }

  private write(request: EstimatedRequest, maxSeats: number): Estimate {
    // A token is no event.
    if (request.resource === 'serviceaccounts' && request.subresource === 'token') return ONE_SEAT;
    const watchers = this.watches.interestedIn(request);
    if (watchers < WATCHERS_PER_SEAT) return { ...ONE_SEAT, watchers };
    const wanted = Math.ceil(watchers / WATCHERS_PER_SEAT);
    const finalSeats = Math.min(wanted, maxSeats || MOST_WRITE_SEATS, MOST_WRITE_SEATS);
    // The same work, by fewer seats for longer.
    return { initialSeats: 1, finalSeats, extraSeconds: (wanted * EVENT_SECONDS) / finalSeats, watchers };
  }

  private sizeOf(key: string, sample: () => readonly CachedObject[] | undefined): number {
    const now = performance.now();
    const known = this.sizes.get(key);
    if (known && known.until > now) return known.bytes;
    const objects = sample() ?? [];
    const total = objects.reduce((sum, object) => sum + object.bytes.length, 0);
    const bytes = objects.length === 0 ? 0 : total / objects.length;
    this.sizes.set(key, { bytes, until: now + SAMPLE_MS });
    return bytes;
  }
}

/** A watch that begins with the objects that there are costs what listing them costs. */
function sendsState(query: URLSearchParams): boolean {
  if (query.get('sendInitialEvents') === 'true') return true;
  const revision = query.get('resourceVersion') ?? '';
  return revision === '' || revision === '0';
}
