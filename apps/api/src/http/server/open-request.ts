import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuditTrail } from '../../audit/audit-trail.js';
import type { RequestLifetime } from '../../registry/request-lifetime.js';

/** A request that is being served. It is over once, at whatever comes first: its answer's end, or its connection's. */
export class OpenRequest<R extends ServerResponse | undefined = ServerResponse> implements RequestLifetime {
  /** Milliseconds, as `performance.now` has them. */
  readonly started: number = performance.now();
  private late = false;
  /** Ends when its client or the server wants it to, and not in a given time: watches, streams, proxies. */
  endless = false;
  /** Milliseconds that its client gives it, where they are less than all requests have. */
  timeoutMs: number | undefined;
  /** Of a watch: to be called when it has sent what there was. */
  initialized: (() => void) | undefined;
  /** Absent: the request is not audited. */
  audit: AuditTrail | undefined;
  private over = false;
  private undo: (() => void)[] = [];
  private controller: AbortController | undefined;

  constructor(
    readonly request: IncomingMessage,
    /** Undefined for a request that leaves HTTP. */
    readonly response: R,
  ) {}

  get isOver(): boolean {
    return this.over;
  }

  /** Answered because its time was up; what its handler still says is dropped. */
  get expired(): boolean {
    return this.late;
  }

  /** Over, or late. */
  get ended(): boolean {
    return this.over || this.late;
  }

  /** Aborted when the request has ended: made when first asked for. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.over || this.late) this.controller.abort();
    return this.controller.signal;
  }

  /** Called once, when the request is over; at once when it already is. */
  whenOver(undo: () => void): void {
    if (this.over) undo();
    else this.undo.push(undo);
  }

  expire(): void {
    this.late = true;
    this.controller?.abort();
  }

  settle(): void {
    if (this.over) return;
    this.over = true;
    this.controller?.abort();
    for (const undo of this.undo) undo();
    this.undo = [];
  }
}
