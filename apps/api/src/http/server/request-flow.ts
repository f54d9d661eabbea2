import type { ServerResponse } from 'node:http';
import { type StatusError, tooManyRequests, type UserInfo } from '#apimachinery';
import type { FlowController, FlowPass } from '../../flow-control/flow-controller.js';
import type { Rejection } from '../../flow-control/flow-metrics.js';
import type { WatchTracker } from '../../flow-control/watch-tracker.js';
import type { RequestInfo } from '../dispatch/request-info.js';
import type { OpenRequest } from './open-request.js';
import { REQUEST_TIMEOUT_MS } from './request-deadlines.js';
import { setFlow } from './request-marks.js';

type Open = OpenRequest<ServerResponse | undefined>;

/** Of the time that a request has, what it may wait; and in milliseconds, at most. */
const SHARE_OF_TIME = 0.25;
const MOST_MS = 60_000;

/** Takes HTTP requests through priority and fairness: streams and proxies are not part of it, and watches only until they are begun. */
export class RequestFlow {
  constructor(
    private readonly controller: FlowController,
    private readonly watches: WatchTracker,
    private readonly limitMs: number = REQUEST_TIMEOUT_MS,
  ) {}

  /** Undefined when the request begins at once; resolves when it begins. Throws 429, also after a while. */
  take(open: Open, user: UserInfo, info: RequestInfo): Promise<void> | undefined {
    let begun: (() => void) | undefined;
    const pass = this.controller.start(user, info, () => begun?.());
    setFlow(open.request, pass);
    if (pass.outcome === 'begun') {
      this.begin(open, pass, info);
      return undefined;
    }
    if (pass.outcome !== 'waiting') throw this.refusal(pass, pass.outcome);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        if (pass.ticket.state === 'executing' || pass.ticket.state === 'over') return;
        clearTimeout(timer);
        this.controller.cancel(pass);
        this.controller.waited(pass, false);
        reject(this.refusal(pass, 'time-out'));
      };
      const timer = setTimeout(giveUp, this.waitLimit(open));
      open.whenOver(giveUp);
      begun = () => {
        clearTimeout(timer);
        this.controller.waited(pass, true);
        this.begin(open, pass, info);
        resolve();
      };
    });
  }

  private begin(open: Open, pass: FlowPass, info: RequestInfo): void {
    const isWatch = open.endless;
    const finish = () => this.controller.finish(pass, isWatch);
    open.whenOver(finish);
    if (!isWatch) return;
    open.initialized = finish;
    const forget = this.watches.register(info);
    if (forget) open.whenOver(forget);
  }

  private waitLimit({ started, timeoutMs = this.limitMs }: Open): number {
    return Math.max(0, Math.min(timeoutMs * SHARE_OF_TIME, MOST_MS) - (performance.now() - started));
  }

  private refusal(pass: FlowPass, reason: Rejection): StatusError {
    const seconds = this.controller.reject(pass, reason);
    return tooManyRequests('Too many requests, please try again later.', seconds);
  }
}
