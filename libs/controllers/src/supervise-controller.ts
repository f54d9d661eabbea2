import { Backoff, type BackoffOptions, type Clock, delay, type Logger } from '#client';
import type { Controller } from './context.js';
import type { ControllerHealth } from './controller-health.js';

/** Milliseconds between the failure of a controller and its next start. */
export const RESTART_BACKOFF: BackoffOptions = {
  initial: 1000,
  factor: 2,
  max: 60_000,
  jitter: 0.2,
  resetAfter: 10 * 60_000,
};

export interface Supervision {
  clock: Clock;
  /** 0 <= x < 1. */
  random: () => number;
  logger: Logger;
  health: ControllerHealth;
  signal: AbortSignal;
}

/**
 * Runs a controller until the signal fires. One that fails is made anew, with fresh state, and started again after a growing
 * delay. Never rejects.
 */
export async function superviseController(
  first: Controller,
  make: () => Controller,
  { clock, random, logger, health, signal }: Supervision,
): Promise<void> {
  const { name } = first;
  const backoff = new Backoff(RESTART_BACKOFF, clock.now, random);
  let next: Controller | undefined = first;
  while (!signal.aborted) {
    try {
      const controller = next ?? make();
      health.started(name);
      await controller.run(signal);
      break;
    } catch (error) {
      if (signal.aborted) break;
      health.failed(name, error instanceof Error ? error.message : String(error));
      const wait = backoff.step();
      logger.error('controller failed; it is started again', { controller: name, error, afterMs: Math.round(wait) });
      next = undefined;
      await delay(clock, wait, signal);
    }
  }
  health.ended(name);
}
