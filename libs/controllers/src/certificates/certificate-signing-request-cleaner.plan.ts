import { X509Certificate } from 'node:crypto';
import { smallest } from '#apimachinery';
import type { CertificateSigningRequest } from '#kinds';

const HOUR = 3_600_000;
/** Milliseconds that a request is kept after the event; upstream's cleaner has the same. */
const AFTER_ISSUED = HOUR;
const AFTER_REFUSED = HOUR;
const WHILE_PENDING = 24 * HOUR;

/** When a request may go, in milliseconds since the epoch; undefined when nothing has an end yet. */
export function requestExpiry({ metadata, status }: CertificateSigningRequest): number | undefined {
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return after(metadata.creationTimestamp, WHILE_PENDING);
  const ends = conditions.map(({ type, lastUpdateTime }) => {
    if (type === 'Denied' || type === 'Failed') return after(lastUpdateTime, AFTER_REFUSED);
    if (type !== 'Approved') return undefined;
    if (!status?.certificate) return after(lastUpdateTime, WHILE_PENDING);
    return earliest([after(lastUpdateTime, AFTER_ISSUED), certificateEnd(status.certificate)]);
  });
  return earliest(ends);
}

function after(time: string | undefined, ms: number): number | undefined {
  return time ? Date.parse(time) + ms : undefined;
}

function earliest(times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? smallest(known, known[0]!) : undefined;
}

/** Undefined when it cannot be read. */
function certificateEnd(certificate: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
  } catch {
    return undefined;
  }
}
