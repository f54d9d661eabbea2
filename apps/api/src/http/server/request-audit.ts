import type { ServerResponse } from 'node:http';
import { internalError, type UserInfo } from '#apimachinery';
import { type Auditor, epochMs } from '../../audit/auditor.js';
import { sourceIPs } from '../../audit/source-ips.js';
import { pathAttributes, resourceAttributes } from '../../registry/request-authorization.js';
import type { RequestInfo } from '../dispatch/request-info.js';
import type { OpenRequest } from './open-request.js';
import { auditIdOf, setAuditTrail } from './request-marks.js';

const UNAUTHORIZED = 401;

type Open = OpenRequest<ServerResponse | undefined>;

/** Follows HTTP requests from the moment at which their sender is known. */
export class RequestAudit {
  constructor(private readonly auditor: Auditor) {}

  /** Begins the trail, and waits until its first event is stored where the policy wants that. Throws 500 when it cannot be. */
  async identified(open: Open, info: RequestInfo, sender: UserInfo): Promise<void> {
    const trail = this.begin(open, info, sender);
    if (!trail || (await trail.received())) return;
    trail.abandon();
    this.auditor.rejected();
    throw internalError(new Error('failed to store audit event'));
  }

  /** Nobody knows who sends this: the refusal is the only event. */
  unidentified(open: Open, info: RequestInfo): void {
    this.begin(open, info, undefined);
  }

  private begin(open: Open, info: RequestInfo, user: UserInfo | undefined) {
    const { request, response } = open;
    const trail = this.auditor.begin({
      auditID: auditIdOf(request),
      user,
      attributes: info.isResourceRequest ? resourceAttributes(info) : pathAttributes(info.verb, info.path),
      requestURI: request.url ?? '/',
      userAgent: request.headers['user-agent'] ?? '',
      sourceIPs: () => sourceIPs(request),
      receivedAt: epochMs(open.started),
    });
    if (!trail) return undefined;
    open.audit = trail;
    setAuditTrail(request, trail);
    const identified = user !== undefined;
    if (response && (open.endless || !identified)) watchHead(response, (code) => trail.responseStarted(code));
    open.whenOver(() => {
      if (identified) trail.complete(codeOf(response), open.endless);
      else trail.responseStarted(codeOf(response) ?? UNAUTHORIZED);
    });
    return trail;
  }
}

/** Undefined when there was no answer. A request that left HTTP has told its code by itself. */
function codeOf(response: ServerResponse | undefined): number | undefined {
  return response?.headersSent ? response.statusCode : undefined;
}

/** Calls back when the head of the answer is written; Node itself calls `writeHead` where nobody else does. */
function watchHead(response: ServerResponse, written: (code: number) => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((code: number, ...rest: unknown[]) => {
    written(code);
    return writeHead(code, ...rest);
  }) as ServerResponse['writeHead'];
}
