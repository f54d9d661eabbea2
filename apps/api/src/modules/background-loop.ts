import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from '#client';

/**
 * What a module does from when the server listens until it has answered its last request: requests that drain still find
 * it. Each module has a subclass, by which the container knows its loop.
 */
@Injectable()
export abstract class BackgroundLoop implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stop = new AbortController();

  /** `run` resolves when the signal has fired. If it rejects, the log says that `name` has ended. */
  constructor(
    private readonly name: string,
    private readonly logger: Logger,
    private readonly run: (signal: AbortSignal) => Promise<void>,
  ) {}

  onApplicationBootstrap(): void {
    this.run(this.stop.signal).catch((error) => this.logger.error('a loop has ended', { loop: this.name, error }));
  }

  onApplicationShutdown(): void {
    this.stop.abort();
  }
}
