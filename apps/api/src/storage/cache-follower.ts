import { setTimeout as delay } from 'node:timers/promises';
import type { CachedObject, WatchCache } from './store.js';

/** Keeps something derived from a cache current. */
export interface CacheSink {
  /** The whole content, at the start and after the follower fell behind. */
  replace(objects: readonly CachedObject[]): void;
  /** `previous` is what the event replaced; undefined for a new object. */
  upsert(object: CachedObject, previous: CachedObject | undefined): void;
  remove(object: CachedObject): void;
}

/** Pause before following a cache that could not be watched is tried again, milliseconds. */
const RETRY_MS = 100;

/**
 * Fills the sink before it returns and feeds it until the signal fires. Events arrive in commit order; the sink lags
 * behind the cache by no more than the event loop's turn.
 */
export function followCache(cache: WatchCache, sink: CacheSink, signal: AbortSignal): void {
  let revision = refill(cache, sink);
  void (async () => {
    while (!signal.aborted) {
      const watch = cache.watch({ from: revision });
      if (watch) {
        const stop = () => watch.stop();
        signal.addEventListener('abort', stop, { once: true });
        try {
          for (let events = await watch.next(); events; events = await watch.next()) {
            for (const event of events) {
              if (event.type === 'DELETED') sink.remove(event.object);
              else sink.upsert(event.object, event.previous);
              revision = event.revision;
            }
          }
        } finally {
          signal.removeEventListener('abort', stop);
          watch.stop();
        }
      }
      if (signal.aborted) return;
      await delay(RETRY_MS, undefined, { ref: false });
      revision = refill(cache, sink);
    }
  })();
}

function refill(cache: WatchCache, sink: CacheSink): number {
  const content = cache.list({});
  sink.replace(content?.items ?? []);
  return content?.revision ?? 0;
}
