import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AuditTrail } from '../../audit/audit-trail.js';

const ID = Symbol('audit id');
const TRAIL = Symbol('audit trail');

type Marked = IncomingMessage & { [ID]?: string; [TRAIL]?: AuditTrail };

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
