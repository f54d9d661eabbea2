interface Host {
  taken: number;
  /** Those that wait, in order; each is called once it has a slot. */
  readonly waiting: Set<() => void>;
}

/** Bounds how many calls to one host are under way at a time. A host that is idle takes no memory. */
export class CallSlots {
  private readonly hosts = new Map<string, Host>();

  constructor(private readonly size: number) {}

  /** True once there is a slot, which has to be given back; false when the signal fires before. */
  take(key: string, signal: AbortSignal): boolean | Promise<boolean> {
    if (signal.aborted) return false;
    let host = this.hosts.get(key);
    if (host === undefined) this.hosts.set(key, (host = { taken: 0, waiting: new Set() }));
    if (host.taken < this.size) {
      host.taken += 1;
      return true;
    }
    const { waiting } = host;
    return new Promise((resolve) => {
      const stop = () => {
        waiting.delete(go);
        resolve(false);
      };
      const go = () => {
        signal.removeEventListener('abort', stop);
        resolve(true);
      };
      waiting.add(go);
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  giveBack(key: string): void {
    const host = this.hosts.get(key)!;
    const [next] = host.waiting;
    if (next !== undefined) {
      host.waiting.delete(next);
      next();
      return;
    }
    host.taken -= 1;
    if (host.taken === 0) this.hosts.delete(key);
  }
}
