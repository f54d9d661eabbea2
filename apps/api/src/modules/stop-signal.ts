import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** Ends what a module does in the background, when the process begins to end. Each module that lists it has one of its own. */
@Injectable()
export class StopSignal implements OnModuleDestroy {
  private readonly stop = new AbortController();
  readonly signal = this.stop.signal;

  onModuleDestroy(): void {
    this.stop.abort();
  }
}
