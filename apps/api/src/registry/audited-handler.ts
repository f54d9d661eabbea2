import { randomUUID } from 'node:crypto';
import { asStatusError, formatGroupVersion, internalError, type Status } from '#apimachinery';
import { resourcePath, withQuery } from '#client';
import type { AuditTrail } from '../audit/audit-trail.js';
import { type Auditor, epochMs } from '../audit/auditor.js';
import type { ApiHandler } from './api-handler.js';
import type { ApiRequest } from './api-request.js';
import type { ApiResult, WatchSession } from './api-result.js';
import { resourceAttributes } from './request-authorization.js';
import { type ResourceTable, servedObject } from './resource-table.js';

/** Where requests of this process come from: the reference's controllers reach their server by loopback. */
const LOOPBACK: readonly string[] = ['::1'];

/** Audits what callers in this process ask for, as HTTP audits its own requests. */
export function auditedHandler(handler: ApiHandler, auditor: Auditor, resources: ResourceTable): ApiHandler {
  return {
    async authorize(request) {
      const record = begin(auditor, request);
      if (!record) return handler.authorize(request);
      if (!(await record.received())) {
        auditor.rejected();
        throw internalError(new Error('failed to store audit event'));
      }
      return ending(record, request, () => handler.authorize({ ...request, record }));
    },
    async handle(request, notes) {
      const { record } = request;
      if (!record) return handler.handle(request, notes);
      const result = await ending(record, request, () => handler.handle(request, notes));
      if (result.kind === 'watch') {
        record.responseStarted(200);
        return { ...result, session: followed(result.session, () => record.complete(200, true)) };
      }
      record.answered(statusOf(result), record.recordsResponse ? textOf(result, resources) : undefined);
      record.complete(result.kind === 'list' ? 200 : result.code, false);
      return result;
    },
  };
}

function begin(auditor: Auditor, request: ApiRequest): AuditTrail | undefined {
  const { namespace, name, subresource, user, userAgent } = request;
  const named = request.verb === 'create' && subresource === '' ? '' : name;
  return auditor.begin({
    auditID: randomUUID(),
    user,
    attributes: resourceAttributes(request),
    requestURI: withQuery(resourcePath(request, namespace, named, subresource), request.query),
    userAgent,
    sourceIPs: () => LOOPBACK,
    receivedAt: epochMs(performance.now()),
  });
}

/** A failure is the end of the request. */
async function ending<T>(record: AuditTrail, { verb }: ApiRequest, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const status = asStatusError(error);
    record.refused(status);
    record.complete(status.code, verb === 'watch');
    throw error;
  }
}

function followed(session: WatchSession, over: () => void): WatchSession {
  let isOver = false;
  return {
    next: () => session.next(),
    stop() {
      session.stop();
      if (!isOver) over();
      isOver = true;
    },
  };
}

function statusOf(result: ApiResult): Status | undefined {
  return result.kind === 'object' && result.object.kind === 'Status' ? (result.object as Status) : undefined;
}

function textOf(result: Exclude<ApiResult, { kind: 'watch' }>, resources: ResourceTable): string {
  if (result.kind === 'object') return JSON.stringify(result.object);
  const { group, version, plural, listKind } = result.resource;
  const entry = resources.find(group, version, plural)!;
  if (result.kind === 'cached') return JSON.stringify(servedObject(entry, result.object));
  const head = { kind: listKind, apiVersion: formatGroupVersion(group, version) };
  const metadata = { resourceVersion: result.revision === undefined ? undefined : String(result.revision) };
  return JSON.stringify({ ...head, metadata, items: result.items.map((item) => servedObject(entry, item)) });
}
