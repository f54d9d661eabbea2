import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { serviceUnavailable, type UserInfo } from '#apimachinery';
import type { AggregatedHandler } from '../http/dispatch/request-dispatcher.js';
import type { AggregatedApi } from '../http/documents/aggregated-surface.js';
import type { ProxyTarget } from '../http/proxy/proxy-target.js';
import { pipeRequest, pipeUpgrade } from '../http/proxy/upstream-pipe.js';
import { sendText } from '../http/server/response-writer.js';
import type { AggregatedApis } from './aggregated-apis.js';
import type { RemoteServers } from './remote-server.js';
import { remoteUserHeaders } from './remote-user.js';

const UNAVAILABLE = 'service unavailable';

/** Passes requests on to the API servers behind this one, with the user that this one found out. Answers come back as they are. */
export class ServiceForwarder implements AggregatedHandler {
  constructor(
    private readonly apis: Pick<AggregatedApis, 'find'>,
    private readonly remote: RemoteServers,
  ) {}

  async serve(request: IncomingMessage, response: ServerResponse, api: AggregatedApi, user: UserInfo): Promise<void> {
    const target = await this.target(request, api);
    if (!target) {
      sendText(response, 503, `${UNAVAILABLE}\n`);
      return;
    }
    try {
      await pipeRequest(request, response, target, { user: remoteUserHeaders(user) });
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendText(response, 503, `error trying to reach service: ${(error as Error).message}\n`);
    }
  }

  /** Rejects while the request may still be answered with a Status. */
  async upgrade(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    api: AggregatedApi,
    user: UserInfo,
  ): Promise<void> {
    const target = await this.target(request, api);
    if (!target) throw serviceUnavailable(UNAVAILABLE);
    await pipeUpgrade(request, socket, head, target, remoteUserHeaders(user));
  }

  private async target(request: IncomingMessage, api: AggregatedApi): Promise<ProxyTarget | undefined> {
    const forwarded = this.apis.find(api.group, api.version);
    if (!forwarded?.available) return undefined;
    try {
      return await this.remote.target(forwarded, this.remote.endpoint(forwarded), request.url ?? '/');
    } catch {
      return undefined;
    }
  }
}
