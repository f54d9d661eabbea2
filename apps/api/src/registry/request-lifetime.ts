/** How long somebody waits for the answer to a request. */
export interface RequestLifetime {
  /** True when the caller is gone or its time is up. Cheaper to ask than `signal`, which is made when first asked for. */
  readonly ended: boolean;
  /** Aborted at that moment. */
  readonly signal: AbortSignal;
}

const never = new AbortController().signal;

/** Of a caller in the process that waits for as long as it takes. */
export const ENDLESS: RequestLifetime = Object.freeze({ ended: false, signal: never });

/** Of a caller in the process that may lose interest. */
export function lifetimeOf(signal: AbortSignal | undefined): RequestLifetime {
  if (signal === undefined) return ENDLESS;
  return {
    get ended() {
      return signal.aborted;
    },
    signal,
  };
}
