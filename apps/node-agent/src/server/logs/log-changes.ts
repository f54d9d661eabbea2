// biome-ignore lint/style/noRestrictedImports: it opens nothing, and only tells that something changed.
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Wakes a reader when a log file grows, is replaced, or when its container changes. A change between two waits is not
 * lost: the next wait returns at once.
 */
export class LogChanges {
  private readonly watcher: FSWatcher;
  private readonly stopListening: () => void;
  private readonly onAbort = () => this.notify();
  private changed = false;
  private wake: (() => void) | undefined;

  constructor(
    path: string,
    private readonly signal: AbortSignal,
    /** Registers for changes of the container. */
    onContainerChange: (listener: () => void) => () => void,
  ) {
    const name = basename(path);
    // The folder is watched, since rotation replaces the file.
    this.watcher = watch(dirname(path), { persistent: false }, (_event, file) => {
      if (file === null || file === name) this.notify();
    });
    this.watcher.on('error', () => this.notify());
    this.stopListening = onContainerChange(() => this.notify());
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  private notify(): void {
    this.changed = true;
    this.wake?.();
  }

  /** Returns after a change, or after `limit` milliseconds without one. */
  async wait(limit: number): Promise<void> {
    if (!this.changed && !this.signal.aborted) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, limit);
      });
      clearTimeout(timer);
      this.wake = undefined;
    }
    this.changed = false;
  }

  close(): void {
    this.watcher.close();
    this.stopListening();
    this.signal.removeEventListener('abort', this.onAbort);
  }
}
