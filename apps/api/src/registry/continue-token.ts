import { badRequest, expired, type StatusError } from '#apimachinery';
import type { Revision } from '../storage/store.js';

/** Where a list goes on, and the revision that it goes on reading. Opaque to clients; the reference's own layout. */
export interface ContinuePosition {
  revision: Revision;
  after: { namespace: string; name: string };
}

const VERSION = 'meta.k8s.io/v1';

export function encodeContinue(position: ContinuePosition): string {
  const { namespace, name } = position.after;
  const start = namespace === '' ? `${name}\0` : `${namespace}/${name}\0`;
  return Buffer.from(JSON.stringify({ v: VERSION, rv: position.revision, start })).toString('base64url');
}

/** Throws 400 for a token that this server did not make. A negative revision means: whatever is newest. */
export function decodeContinue(token: string): ContinuePosition {
  if (!/^[A-Za-z0-9_-]+$/.test(token)) {
    throw badRequest('continue key is not valid: illegal base64 data at input byte 0');
  }
  let decoded: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    decoded = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch (error) {
    throw badRequest(`continue key is not valid: ${(error as Error).message}`);
  }
  if (typeof decoded !== 'object' || decoded === null || decoded.v !== VERSION) {
    throw badRequest(
      `continue key is not valid: server does not recognize this encoded version ${String(decoded?.v ?? '')}`,
    );
  }
  if (!Number.isSafeInteger(decoded.rv) || decoded.rv === 0) {
    throw badRequest('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  }
  if (typeof decoded.start !== 'string' || decoded.start === '') {
    throw badRequest('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  }
  const key = decoded.start.replace(/\0$/, '');
  const parts = key.split('/');
  if (parts.length > 2 || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw badRequest(`continue key is not valid: ${JSON.stringify(decoded.start)}`);
  }
  const [first, second] = parts as [string, string | undefined];
  const after = second === undefined ? { namespace: '', name: first } : { namespace: first, name: second };
  return { revision: decoded.rv as number, after };
}

/** 410 with a token that goes on from the same key at the newest revision, for clients that can live with that. */
export function expiredContinue(position: ContinuePosition): StatusError {
  const error = expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
      'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
      'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
      'deleted between the time the first chunk was returned and now may show up in the list.',
  );
  error.status.metadata = { continue: encodeContinue({ ...position, revision: -1 }) };
  return error;
}
