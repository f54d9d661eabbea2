import type { PodCertificateRequest } from '#kinds';
import type { Credentials } from '../pod/certificate-source.js';
import { cleanChain } from './certificate-pem.js';

/** Kubelet's: how late a refresh is an event. Milliseconds. */
const OVERDUE_AFTER = 10 * 60_000;

export interface Issued extends Credentials {
  /** Milliseconds since the epoch. */
  beginRefreshAt: number;
  notAfter: number;
  toldOverdue?: true;
  toldExpired?: true;
}

/** A request that was made and is not known to be answered. */
export interface Pending {
  key: string;
  /** Its name. */
  request: string;
  /** From then on a request that nobody sees counts as deleted; before, the watch may be behind. */
  abandonAt: number;
}

/** For good: a pod is not asked for again after that. */
export interface Refusal {
  type: 'Denied' | 'Failed';
  reason: string;
  message: string;
}

/** Of one source of a pod's volume. Both issued and pending: while it is refreshed. Nothing: before the first request. */
export interface CertificateState {
  issued?: Issued;
  pending?: Pending;
  refusal?: Refusal;
}

export interface Advance {
  state: CertificateState;
  /** Warnings for the pod. */
  events: { reason: string; message: string }[];
  /** A certificate is to be requested. */
  ask: boolean;
}

export interface Seen {
  /** The pending request, if it is known. */
  request: PodCertificateRequest | undefined;
  now: number;
  /** Added to the time of a refresh, so that pods that began together do not go on together. Milliseconds. */
  jitter: number;
}

/** Pure: what follows from an answer, or from time. */
export function advance(state: CertificateState, seen: Seen): Advance {
  const { pending, issued, refusal } = state;
  if (refusal) return { state, events: [], ask: false };
  if (pending) {
    const { request, now } = seen;
    if (!request && now > pending.abandonAt) return { state: issued ? { issued } : {}, events: [], ask: true };
    return answered(pending, seen) ?? { ...late(state, now), ask: false };
  }
  if (!issued) return { state, events: [], ask: true };
  if (seen.now < issued.beginRefreshAt) return { state, events: [], ask: false };
  return { ...late(state, seen.now), ask: true };
}

function answered({ key }: Pending, { request, jitter }: Seen): Advance | undefined {
  if (!request) return undefined;
  const { metadata, status = {} } = request;
  const which = `PodCertificateRequest ${metadata.namespace}/${metadata.name}`;
  for (const { type, reason, message } of status.conditions ?? []) {
    if (type === 'Issued') {
      const chain = cleanChain(status.certificateChain ?? '');
      const beginRefreshAt = Date.parse(status.beginRefreshAt!) + jitter;
      return {
        state: { issued: { key, chain, beginRefreshAt, notAfter: Date.parse(status.notAfter!) } },
        events: [],
        ask: false,
      };
    }
    if (type !== 'Denied' && type !== 'Failed') continue;
    const what = type === 'Denied' ? 'was denied' : 'failed';
    const text = `${which} ${what}, reason=${JSON.stringify(reason)}, message=${JSON.stringify(message)}`;
    const events = [{ reason: type, message: text }];
    return { state: { refusal: { type, reason, message } }, events, ask: false };
  }
  return undefined;
}

/** Tells once that the refresh is late, and once that the certificate is of no use any more. */
function late(state: CertificateState, now: number): Omit<Advance, 'ask'> {
  const { issued } = state;
  const events: Advance['events'] = [];
  if (!issued) return { state, events };
  const changed = { ...issued };
  if (isOverdue(issued, now) && !issued.toldOverdue) {
    changed.toldOverdue = true;
    events.push({ reason: 'CertificateOverdueForRefresh', message: 'PodCertificate refresh overdue' });
  }
  if (now > issued.notAfter && !issued.toldExpired) {
    changed.toldExpired = true;
    events.push({ reason: 'CertificateExpired', message: 'PodCertificate expired' });
  }
  return { state: events.length > 0 ? { ...state, issued: changed } : state, events };
}

function isOverdue({ beginRefreshAt }: Issued, now: number): boolean {
  return now > beginRefreshAt + OVERDUE_AFTER;
}

/** Kubelet's names. */
export const CERTIFICATE_STATES = [
  'not_yet_issued',
  'denied',
  'failed',
  'expired',
  'overdue_for_refresh',
  'fresh',
] as const;

export function stateName({ issued, refusal }: CertificateState, now: number): (typeof CERTIFICATE_STATES)[number] {
  if (refusal) return refusal.type === 'Denied' ? 'denied' : 'failed';
  if (!issued) return 'not_yet_issued';
  if (now > issued.notAfter) return 'expired';
  return isOverdue(issued, now) ? 'overdue_for_refresh' : 'fresh';
}
