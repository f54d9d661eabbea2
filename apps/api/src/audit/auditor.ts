import type { UserInfo } from '#apimachinery';
import type { RequestAttributes } from '../authorization/authorizer.js';
import type { AuditMetrics } from './audit-metrics.js';
import { type AuditPolicy, PolicyEvaluator } from './audit-policy.js';
import { AuditTrail, eventUser } from './audit-trail.js';
import type { AuditBackend } from './backends/audit-backend.js';

/** A request as it arrives. */
export interface AuditedRequest {
  auditID: string;
  /** Undefined where authentication failed. */
  user: UserInfo | undefined;
  attributes: RequestAttributes;
  requestURI: string;
  userAgent: string;
  sourceIPs(): readonly string[];
  /** Milliseconds since the epoch, with a fraction. */
  receivedAt: number;
}

const MAX_USER_AGENT = 1024;

/** Decides which requests are audited, and passes their events on. */
export class Auditor {
  private readonly policy: PolicyEvaluator;

  constructor(
    policy: AuditPolicy,
    private readonly backend: AuditBackend,
    private readonly metrics: AuditMetrics,
  ) {
    this.policy = new PolicyEvaluator(policy);
  }

  /** The request's trail; undefined when it is not audited. */
  begin(request: AuditedRequest): AuditTrail | undefined {
    const { user, attributes, userAgent } = request;
    const decision = this.policy.decide({ ...attributes, user });
    this.metrics.level(decision.level);
    if (decision.level === 'None') return undefined;
    const base = {
      auditID: request.auditID,
      requestURI: request.requestURI,
      verb: attributes.verb,
      user: user ? eventUser(user) : {},
      sourceIPs: request.sourceIPs(),
      userAgent: userAgent.length > MAX_USER_AGENT ? `${userAgent.slice(0, MAX_USER_AGENT)}...TRUNCATED` : userAgent,
      requestReceivedTimestamp: microTime(request.receivedAt),
    };
    const { resource, namespace, name, group: apiGroup, version: apiVersion, subresource } = attributes;
    const objectRef = attributes.resourceRequest
      ? { resource, namespace, name, uid: '', apiGroup, apiVersion, resourceVersion: '', subresource }
      : undefined;
    return new AuditTrail(base, decision, objectRef, (event) => this.pass(event), microTimeNow);
  }

  /** A request was refused because `received` resolved with false. */
  rejected(): void {
    this.metrics.rejected.value += 1;
  }

  /** Resolves when the back ends have what they were given. */
  close(): Promise<void> {
    return this.backend.close();
  }

  private pass(event: Parameters<AuditBackend['process']>[0][number]): Promise<boolean> {
    this.metrics.events.value += 1;
    return this.backend.process([event]);
  }
}

/** Milliseconds since the epoch with a fraction, from a time of `performance.now`. */
export function epochMs(time: number): number {
  return performance.timeOrigin + time;
}

function microTimeNow(): string {
  return microTime(epochMs(performance.now()));
}

/** RFC 3339 with microseconds. */
function microTime(ms: number): string {
  const whole = Math.floor(ms);
  const micros = Math.floor((ms - whole) * 1000);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}
