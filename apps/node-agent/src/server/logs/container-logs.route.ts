import type { ServerResponse } from 'node:http';
import { quote } from '#apimachinery';
import { GrpcCode, hasCode } from '../../runtime/cri.js';
import { ContainerState, type CriContainerStatus } from '../../runtime/cri-types.js';
import { drained } from '../drain.js';
import { HttpError } from '../http-error.js';
import type { NodeServerOptions } from '../node-server-options.js';
import type { NodeRequest, Route } from '../router.js';
import { hasContainer, selectLogContainer } from './container-selection.js';
import { parseLogOptions } from './log-options.js';
import { type FollowedContainer, readLog } from './log-reader.js';

/** `GET /containerLogs/<namespace>/<pod>/<container>`: what `kubectl logs` reads. */
export function containerLogsRoute(server: NodeServerOptions): Route {
  return {
    methods: ['GET'],
    path: '/containerLogs/:namespace/:pod/:container',
    handle: (call, response) => serve(server, call, response),
  };
}

async function serve(server: NodeServerOptions, { url, params }: NodeRequest, response: ServerResponse): Promise<void> {
  const options = parseLogOptions(url.searchParams, (server.now ?? Date.now)());
  const pod = server.pods.find(params['namespace']!, params['pod']!);
  if (!pod) throw new HttpError(404, `pod ${quote(params['pod']!)} does not exist`);
  const name = params['container']!;
  if (!hasContainer(pod, name)) {
    throw new HttpError(404, `container ${quote(name)} not found in pod ${quote(params['pod']!)}`);
  }
  const id = selectLogContainer(pod, name, options.previous);
  const status = await containerStatus(server, id);

  const abort = new AbortController();
  response.once('close', () => abort.abort());
  const pieces = readLog(status.logPath, options, followed(server, pod.metadata.uid, id), abort.signal);
  try {
    // The first piece is fetched before the header is sent, so that a log that cannot be read is still a clean error;
    // a follower gets its header at once.
    if (options.follow) begin(response);
    for await (const piece of pieces) {
      begin(response);
      if (!response.write(piece)) await drained(response);
      if (abort.signal.aborted) return;
    }
  } catch (error) {
    throw new HttpError(400, error instanceof Error ? error.message : String(error));
  }
  begin(response);
  response.end();
}

function begin(response: ServerResponse): void {
  if (response.headersSent) return;
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.flushHeaders();
}

async function containerStatus({ cri }: NodeServerOptions, id: string): Promise<CriContainerStatus> {
  try {
    return await cri.containerStatus(id);
  } catch {
    throw new HttpError(400, `unable to retrieve container logs for containerd://${id}`);
  }
}

function followed({ cri, pods }: NodeServerOptions, uid: string, id: string): FollowedContainer {
  /** An exited container never runs again; while it runs, the observer tells of its end. */
  const seen = () => pods.observed(uid)?.containers.find((container) => container.id === id)?.state;
  return {
    onChange: (listener) => pods.onObserved(uid, listener),
    running: async () => {
      const state = seen();
      if (state === 'running') return true;
      if (state === 'exited') return false;
      try {
        return (await cri.containerStatus(id)).state === ContainerState.Running;
      } catch (error) {
        // Containers outlive a runtime that does not answer.
        return hasCode(error, GrpcCode.Unavailable);
      }
    },
  };
}
