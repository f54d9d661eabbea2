import { quote, type Status } from '#apimachinery';

export const AUDIT_LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof AUDIT_LEVELS)[number];

export const AUDIT_STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof AUDIT_STAGES)[number];

/** A user as authentication.k8s.io/v1 writes it. Absent fields are omitted. */
export interface EventUser {
  username?: string;
  uid?: string;
  groups?: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ObjectReference {
  resource?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiGroup?: string;
  apiVersion?: string;
  resourceVersion?: string;
  subresource?: string;
}

/** The bounded fields of a Status. */
export type EventStatus = Partial<Pick<Status, 'status' | 'message' | 'reason' | 'details' | 'code'>>;

/** An Event of audit.k8s.io/v1 at one stage. It is not changed after it is handed to a back end. */
export interface AuditEvent {
  readonly level: AuditLevel;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: EventUser;
  readonly impersonatedUser?: EventUser;
  readonly authenticationMetadata?: { readonly impersonationConstraint: string };
  readonly sourceIPs?: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: ObjectReference;
  readonly responseStatus?: EventStatus;
  /** JSON text: it is spliced into the event without being read again. */
  readonly requestObject?: string;
  readonly responseObject?: string;
  /** Microseconds, RFC 3339. */
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const TYPE_META = { kind: 'Event', apiVersion: 'audit.k8s.io/v1' };

/** An item of an EventList says no type. */
export function eventJson(event: AuditEvent, typed = true): string {
  const { requestObject, responseObject, requestReceivedTimestamp, stageTimestamp, annotations, ...head } = event;
  const status = event.responseStatus && { responseStatus: { metadata: {}, ...event.responseStatus } };
  const tail = { requestReceivedTimestamp, stageTimestamp, annotations };
  const parts = [JSON.stringify({ ...(typed ? TYPE_META : undefined), ...head, ...status }).slice(0, -1)];
  if (requestObject !== undefined) parts.push(`"requestObject":${requestObject}`);
  if (responseObject !== undefined) parts.push(`"responseObject":${responseObject}`);
  parts.push(JSON.stringify(tail).slice(1));
  return parts.join(',');
}

export function eventListJson(events: readonly AuditEvent[]): string {
  const items = events.map((event) => eventJson(event, false));
  return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[${items.join(',')}]}`;
}

/** What an event has besides its objects and its path, in bytes: an estimate. */
const HEAD_BYTES = 1024;

/** About how many bytes an event's JSON has, without making it. */
export function eventBytes({ requestURI, requestObject = '', responseObject = '' }: AuditEvent): number {
  return HEAD_BYTES + requestURI.length + Buffer.byteLength(requestObject) + Buffer.byteLength(responseObject);
}

/** One line without the objects: the format `legacy` of the reference's log. */
export function legacyLine(event: AuditEvent): string {
  const { user, impersonatedUser, objectRef, responseStatus, sourceIPs } = event;
  const quoted = (groups: readonly string[]) => groups.map(quote).join(',');
  const groups = user.username && user.groups?.length ? quoted(user.groups) : '<none>';
  const asGroups = impersonatedUser?.groups ? quoted(impersonatedUser.groups) : '<lookup>';
  const fields = [
    `id=${quote(event.auditID)}`,
    `stage=${quote(event.stage)}`,
    `ip=${quote(sourceIPs?.[0] ?? '<unknown>')}`,
    `method=${quote(event.verb)}`,
    `user=${quote(user.username || '<none>')}`,
    `groups=${quote(groups)}`,
    `as=${quote(impersonatedUser ? (impersonatedUser.username ?? '') : '<self>')}`,
    `asgroups=${quote(asGroups)}`,
    `user-agent=${quote(event.userAgent ?? '')}`,
    `namespace=${quote(objectRef?.namespace || '<none>')}`,
    `uri=${quote(event.requestURI)}`,
    `response="${responseStatus ? (responseStatus.code ?? 0) : '<deferred>'}"`,
  ];
  return `${event.requestReceivedTimestamp} AUDIT: ${fields.join(' ')}`;
}
