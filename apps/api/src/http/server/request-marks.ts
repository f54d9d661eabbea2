import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AuditTrail } from '../../audit/audit-trail.js';
import type { FlowPass } from '../../flow-control/flow-controller.js';

const ID = Symbol('audit id');
const TRAIL = Symbol('audit trail');
const FLOW = Symbol('flow');

/** How priority and fairness classified a request. */
export type FlowMark = Pick<FlowPass, 'schemaUid' | 'levelUid'>;

type Marked = IncomingMessage & { [ID]?: string; [TRAIL]?: AuditTrail; [FLOW]?: FlowMark };

/** What the request is called in its answer and in the audit log: what its client calls it, or a new name. */
export function auditIdOf(request: IncomingMessage): string {
  const marked: Marked = request;
  if (marked[ID] === undefined) {
    const given = request.headers['audit-id'];
    marked[ID] = typeof given === 'string' && given !== '' ? given : randomUUID();
  }
  return marked[ID];
}

/** Undefined when the request is not audited. */
export function auditTrailOf(request: IncomingMessage): AuditTrail | undefined {
  return (request as Marked)[TRAIL];
}

export function setAuditTrail(request: IncomingMessage, trail: AuditTrail): void {
  (request as Marked)[TRAIL] = trail;
}

export function setFlow(request: IncomingMessage, flow: FlowMark): void {
  (request as Marked)[FLOW] = flow;
}

/** Undefined when the request is not part of priority and fairness. */
export function flowOf(request: IncomingMessage): FlowMark | undefined {
  return (request as Marked)[FLOW];
}
