import { isJsonObject, type KubeObject, type StatusError, type UserInfo } from '#apimachinery';
import type { DecisionRecord } from '../authorization/forbidden.js';
import type { BodyRecord } from '../codec/request-body.js';
import type { AuditEvent, AuditStage, EventStatus, EventUser, ObjectReference } from './audit-event.js';
import type { AuditDecision } from './audit-policy.js';

/** What does not change while a request is served. */
export type EventBase = Pick<
  AuditEvent,
  'auditID' | 'requestURI' | 'verb' | 'user' | 'sourceIPs' | 'userAgent' | 'requestReceivedTimestamp'
>;

/** Takes the event of a stage. Resolves with false when it could not be stored. */
export type AuditSink = (event: AuditEvent) => Promise<boolean>;

/** Levels from which an annotation or an object is recorded. */
const RANK = { None: 0, Metadata: 1, Request: 2, RequestResponse: 3 } as const;

/** What is recorded of one request, from its arrival to its end. Only requests whose level is above None have one. */
export class AuditTrail implements BodyRecord, DecisionRecord {
  private impersonated: Pick<AuditEvent, 'impersonatedUser' | 'authenticationMetadata'> | undefined;
  private annotations: Map<string, string> | undefined;
  private status: EventStatus | undefined;
  private requestObject: string | undefined;
  private responseObject: string | undefined;
  private panicked = false;
  private started = false;
  private abandoned = false;

  constructor(
    private readonly base: EventBase,
    private readonly decision: AuditDecision,
    private readonly objectRef: ObjectReference | undefined,
    private readonly sink: AuditSink,
    private readonly timestamp: () => string,
  ) {}

  /** Whether `answered` needs the body of the answer. */
  get recordsResponse(): boolean {
    return this.decision.level === 'RequestResponse';
  }

  private get recordsRequest(): boolean {
    return RANK[this.decision.level] >= RANK.Request;
  }

  /** Resolves with false when the request must not be served, as its event could not be stored. */
  received(): Promise<boolean> {
    return this.emit('RequestReceived');
  }

  /** The request is refused because it cannot be audited: no more events. */
  abandon(): void {
    this.abandoned = true;
  }

  /** `constraint`: the verb that allowed it, where it was a constrained one. */
  impersonates(user: UserInfo, constraint: string | undefined): void {
    this.impersonated = {
      impersonatedUser: eventUser(user),
      ...(constraint ? { authenticationMetadata: { impersonationConstraint: constraint } } : undefined),
    };
  }

  /** The last decision about the request itself counts. */
  decided(decision: 'allow' | 'forbid', reason: string): void {
    this.annotations ??= new Map();
    this.annotations.set('authorization.k8s.io/decision', decision);
    this.annotations.set('authorization.k8s.io/reason', reason);
  }

  /** The first value of a key stays. `from`: the lowest level that has it. */
  annotate(key: string, value: string, from: 'Metadata' | 'Request' = 'Metadata'): void {
    if (RANK[this.decision.level] < RANK[from]) return;
    this.annotations ??= new Map();
    if (!this.annotations.has(key)) this.annotations.set(key, value);
  }

  /** An object that was sent. */
  sentObject(object: Partial<KubeObject>): void {
    const { objectRef } = this;
    const { metadata } = object;
    if (objectRef && metadata) {
      objectRef.namespace ||= metadata.namespace;
      objectRef.name ||= metadata.name;
      objectRef.uid ||= metadata.uid;
      objectRef.resourceVersion ||= metadata.resourceVersion;
    }
    if (!this.recordsRequest) return;
    this.requestObject = this.objectText(object);
  }

  /** JSON that was sent and is no object of the resource: a patch, or DeleteOptions. */
  sentDocument(document: unknown): void {
    if (this.recordsRequest) this.requestObject = JSON.stringify(document);
  }

  /** `status`: where the answer is a Status. `body`: its JSON, needed if the response is recorded. */
  answered(status: EventStatus | undefined, body?: string): void {
    if (status) this.status = boundedStatus(status);
    if (body === undefined || !this.recordsResponse) return;
    // Reading it again is what leaving out the managed fields costs.
    this.responseObject = this.decision.omitManagedFields ? this.objectText(JSON.parse(body)) : body;
  }

  refused(error: StatusError): void {
    this.panicked ||= error.unexpected;
    const { status } = error;
    if (this.panicked) {
      const message = `APIServer panic'd: ${(error.cause as Error)?.message ?? status.message}`;
      this.status = { code: 500, status: 'Failure', reason: 'InternalError', message };
      return;
    }
    this.answered(status, this.recordsResponse ? JSON.stringify(status) : undefined);
  }

  /** The head of a long-running answer was sent. */
  responseStarted(code: number): void {
    if (this.started) return;
    this.started = true;
    this.status = { ...this.status, code };
    void this.emit('ResponseStarted');
  }

  /** The request is over. `code` is undefined when its client left before there was an answer. */
  complete(code: number | undefined, longRunning: boolean): void {
    if (this.panicked) {
      void this.emit('Panic');
      return;
    }
    if (code !== undefined) this.status = { ...this.status, code };
    else this.status ??= { code: 200, status: 'Success', message: 'Connection closed early' };
    if (longRunning && !this.started) this.responseStarted(this.status.code ?? 200);
    void this.emit('ResponseComplete');
  }

  private emit(stage: AuditStage): Promise<boolean> {
    if (this.abandoned || this.decision.omitStages.has(stage)) return Promise.resolve(true);
    const { base, annotations } = this;
    const { user, sourceIPs, userAgent, requestReceivedTimestamp, ...first } = base;
    return this.sink({
      level: this.decision.level,
      auditID: first.auditID,
      stage,
      requestURI: first.requestURI,
      verb: first.verb,
      user,
      ...this.impersonated,
      sourceIPs,
      userAgent: userAgent || undefined,
      objectRef: this.objectRef && withoutEmpty(this.objectRef),
      responseStatus: this.status,
      requestObject: this.requestObject,
      responseObject: this.responseObject,
      requestReceivedTimestamp,
      stageTimestamp: stage === 'RequestReceived' ? requestReceivedTimestamp : this.timestamp(),
      annotations: annotations && Object.fromEntries(annotations),
    });
  }

  private objectText(value: unknown): string {
    return JSON.stringify(this.decision.omitManagedFields ? withoutManagedFields(value) : value);
  }
}

export function eventUser({ name, uid, groups, extra }: UserInfo): EventUser {
  return {
    username: name || undefined,
    uid: uid || undefined,
    groups: groups.length > 0 ? groups : undefined,
    extra: extra && Object.keys(extra).length > 0 ? extra : undefined,
  };
}

function boundedStatus({ status, message, reason, details, code }: EventStatus): EventStatus {
  return { status, message, reason, details, code };
}

function withoutEmpty(reference: ObjectReference): ObjectReference {
  return Object.fromEntries(Object.entries(reference).filter(([, value]) => value));
}

/** Of an object, of the items of a list, and of the objects in the rows of a Table. */
function withoutManagedFields(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const copy: Record<string, unknown> = { ...value };
  if (isJsonObject(copy.metadata)) {
    const { managedFields: _, ...metadata } = copy.metadata;
    copy.metadata = metadata;
  }
  if (Array.isArray(copy.items)) copy.items = copy.items.map(withoutManagedFields);
  if (copy.kind === 'Table' && Array.isArray(copy.rows)) {
    copy.rows = copy.rows.map((row) =>
      isJsonObject(row) && row.object ? { ...row, object: withoutManagedFields(row.object) } : row,
    );
  }
  return copy;
}
