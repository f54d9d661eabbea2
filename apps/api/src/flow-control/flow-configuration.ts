import type { Logger } from '#client';
import type { FlowSchema, PriorityLevelConfiguration } from '#kinds';
import { followCache } from '../storage/cache-follower.js';
import type { Lister } from '../storage/lister.js';
import type { Store } from '../storage/store.js';
import type { DanglingStatus } from './dangling-status.js';
import { BORROWING_MS, type FlowController } from './flow-controller.js';

const GROUP = 'flowcontrol.apiserver.k8s.io';
const LEVELS = `${GROUP}/prioritylevelconfigurations`;
const SCHEMAS = `${GROUP}/flowschemas`;

/** Seconds after which a status that was written too often is looked at again, and those that are added at random. */
const LATER_SECONDS = 30;
const LATER_SPREAD = 45;

/** Keeps the controller to the objects of the API, and their status to what it makes of them. */
export class FlowConfiguration {
  private readonly stop = new AbortController();
  private readonly borrowing: NodeJS.Timeout;
  private changed = false;
  private status: DanglingStatus | undefined;
  private writing: Promise<void> = Promise.resolve();
  private isWriting = false;
  private later: NodeJS.Timeout | undefined;

  constructor(
    private readonly controller: FlowController,
    private readonly lister: Lister,
    store: Pick<Store, 'cache'>,
    private readonly log: Logger,
  ) {
    const touch = () => this.touch();
    const sink = { replace: touch, upsert: touch, remove: touch };
    for (const resource of [LEVELS, SCHEMAS]) followCache(store.cache(resource), sink, this.stop.signal);
    this.borrowing = setInterval(() => controller.borrow(), BORROWING_MS).unref();
  }

  /** From now on the status of the schemas is written, too. */
  keepStatus(status: DanglingStatus): void {
    this.status = status;
    this.touch();
  }

  async close(): Promise<void> {
    this.stop.abort();
    clearInterval(this.borrowing);
    clearTimeout(this.later);
    await this.writing;
  }

  /** Many changes at once are read once. */
  private touch(): void {
    if (this.changed) return;
    this.changed = true;
    setImmediate(() => {
      this.changed = false;
      if (!this.stop.signal.aborted) this.read();
    });
  }

  private read(): void {
    this.controller.configure(this.levels, this.schemas);
    if (!this.status || this.isWriting) return;
    this.isWriting = true;
    this.writing = this.write(this.status)
      .catch((error) => this.log.warn('cannot keep the status of FlowSchemas', { error }))
      .finally(() => {
        this.isWriting = false;
      });
  }

  /** Writes until nothing is left to say: a write is a change, too, and others may come meanwhile. */
  private async write(status: DanglingStatus): Promise<void> {
    for (let again = true; again && !this.stop.signal.aborted; ) {
      const { written, left } = await status.write(this.schemas, this.levels);
      again = written > 0;
      if (left) this.again();
    }
  }

  private get levels(): PriorityLevelConfiguration[] {
    return this.lister.list(LEVELS) as unknown as PriorityLevelConfiguration[];
  }

  private get schemas(): FlowSchema[] {
    return this.lister.list(SCHEMAS) as unknown as FlowSchema[];
  }

  private again(): void {
    clearTimeout(this.later);
    const seconds = LATER_SECONDS + Math.random() * LATER_SPREAD;
    this.later = setTimeout(() => this.touch(), seconds * 1000).unref();
  }
}
