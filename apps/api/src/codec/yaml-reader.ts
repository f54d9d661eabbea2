import { Worker } from 'node:worker_threads';
import { requestEntityTooLarge, tooManyRequests } from '#apimachinery';
import { type YamlAsJson, YamlError } from './yaml-text.js';
import type { YamlAnswer, YamlRequest } from './yaml-worker.js';

export interface YamlReaderOptions {
  /** Milliseconds for one text. */
  deadlineMs: number;
  /** Of the thread's heap: a text takes some hundred times its own size. */
  heapMegabytes: number;
  /** Texts that wait, and their bytes. */
  maxWaiting: number;
  maxWaitingBytes: number;
  /** Characters of the JSON that comes out. */
  maxLength: number;
}

const DEFAULTS: YamlReaderOptions = {
  deadlineMs: 10_000,
  heapMegabytes: 512,
  maxWaiting: 100,
  maxWaitingBytes: 32 << 20,
  maxLength: 3 << 20,
};

interface Job {
  bytes: Buffer;
  resolve(value: YamlAsJson): void;
  reject(error: Error): void;
}

/**
 * Reads YAML in a thread of its own, one text at a time, since reading a megabyte of it takes seconds. The thread starts
 * with the first text, and anew after one that took too long or too much memory. Users have their turns one after the
 * other, so that nobody waits for more than one text of each other user.
 */
export class YamlReader {
  private readonly options: YamlReaderOptions;
  /** By user, the next one's first. */
  private readonly waiting = new Map<string, Job[]>();
  private waitingCount = 0;
  private waitingBytes = 0;
  private worker: Worker | undefined;
  /** What is being read. */
  private current: { job: Job; deadline: NodeJS.Timeout } | undefined;

  constructor(options: Partial<YamlReaderOptions> = {}) {
    this.options = { ...DEFAULTS, ...options };
  }

  /** Rejects with YamlError for what is no YAML, with a 413 for what takes too much to read, with a 429 when too many wait. */
  read(bytes: Buffer, user: string): Promise<YamlAsJson> {
    const { maxWaiting, maxWaitingBytes } = this.options;
    if (this.waitingCount >= maxWaiting || this.waitingBytes + bytes.length > maxWaitingBytes) {
      return Promise.reject(tooManyRequests('Too many YAML bodies wait to be read, please try again later.', 1));
    }
    return new Promise((resolve, reject) => {
      const job = { bytes, resolve, reject };
      const own = this.waiting.get(user);
      if (own) own.push(job);
      else this.waiting.set(user, [job]);
      this.waitingCount += 1;
      this.waitingBytes += bytes.length;
      this.startNext();
    });
  }

  /** Ends the thread. What is being read fails; what waits is read by another thread. */
  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private startNext(): void {
    if (this.current) return;
    const job = this.take();
    if (!job) return;
    const worker = (this.worker ??= this.startWorker());
    this.current = { job, deadline: setTimeout(() => this.abandon(worker), this.options.deadlineMs) };
    // An idle thread keeps no process running.
    worker.ref();
    worker.postMessage({ text: job.bytes, maxLength: this.options.maxLength } satisfies YamlRequest);
  }

  private startWorker(): Worker {
    const worker = new Worker(new URL('./yaml-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: this.options.heapMegabytes },
    });
    worker.on('message', (answer: YamlAnswer) => {
      if (this.worker !== worker) return;
      worker.unref();
      this.settle(({ resolve, reject }) => {
        if ('error' in answer) reject(new YamlError(answer.error));
        else resolve(answer);
      });
    });
    worker.on('error', () => this.abandon(worker));
    worker.on('exit', () => this.abandon(worker));
    return worker;
  }

  /** The thread is dead, or shall be: what it reads has failed. */
  private abandon(worker: Worker): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    void worker.terminate();
    this.settle(({ reject }) => reject(requestEntityTooLarge('the YAML takes too much time or memory to read')));
  }

  private settle(action: (job: Job) => void): void {
    const { current } = this;
    if (!current) return;
    clearTimeout(current.deadline);
    this.current = undefined;
    action(current.job);
    this.startNext();
  }

  /** The next user's first text. */
  private take(): Job | undefined {
    for (const [user, jobs] of this.waiting) {
      const job = jobs.shift()!;
      this.waiting.delete(user);
      if (jobs.length > 0) this.waiting.set(user, jobs);
      this.waitingCount -= 1;
      this.waitingBytes -= job.bytes.length;
      return job;
    }
    return undefined;
  }
}
