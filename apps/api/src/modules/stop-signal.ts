import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

/** Ends what a module does in the background, when no request needs it any more. Each module that lists it has one of its own. */
@Injectable()
export class StopSignal implements OnApplicationShutdown {
  private readonly stop = new AbortController();
  readonly signal = this.stop.signal;

  onApplicationShutdown(): void {
    this.stop.abort();
  }
}
