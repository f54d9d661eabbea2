import { request } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { UserInfo } from '#apimachinery';
import { boundedBytes } from '../codec/bounded-answer.js';
import type { ProxyNetwork } from '../http/proxy/proxy-network.js';
import type { ProxyTarget } from '../http/proxy/proxy-target.js';
import { connectionTo } from '../http/proxy/upstream-pipe.js';
import type { Lister } from '../storage/lister.js';
import { goText } from '../webhook-client/call-error.js';
import { type Endpoint, serviceEndpoint } from '../webhook-client/service-endpoint.js';
import type { ForwardedApi } from './aggregated-apis.js';
import { serviceOf } from './availability.js';
import { remoteUserHeaders } from './remote-user.js';

/** What this server shows to those behind it: PEM. */
export interface FrontProxyCredentials {
  cert: string;
  key: string;
}

export interface RemoteAnswer {
  code: number;
  contentType: string;
  body: string;
}

/** Who asks for documents and health: it may read everything. */
const AGGREGATOR: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'], uid: '', extra: {} };
const ANSWER_MS = 5_000;
const LARGEST_ANSWER = 32 * 1024 * 1024;

/** The API servers behind this one: where they are, and what they answer to the aggregator itself. */
export class RemoteServers {
  constructor(
    private readonly lister: Lister,
    private readonly network: ProxyNetwork,
    private readonly credentials: FrontProxyCredentials,
  ) {}

  /** One ready endpoint, at random. Throws what the reference says of a Service without one. */
  endpoint(api: Pick<ForwardedApi, 'spec'>): Endpoint {
    return serviceEndpoint(this.lister, serviceOf(api));
  }

  /** The way to an endpoint; its certificate has to be for `<service>.<namespace>.svc`. Rejects when the host has no address. */
  async target(api: Pick<ForwardedApi, 'spec'>, endpoint: Endpoint, path: string): Promise<ProxyTarget> {
    const { namespace, name } = serviceOf(api);
    const servername = `${name}.${namespace}.svc`;
    const { caBundle, insecureSkipTLSVerify } = api.spec;
    const tls: ConnectionOptions = {
      ...this.credentials,
      servername,
      rejectUnauthorized: insecureSkipTLSVerify !== true,
      ...(caBundle ? { ca: Buffer.from(caBundle, 'base64') } : undefined),
    };
    const { host, port } = endpoint;
    const [address = host] = await this.network.resolve(host).catch(() => [host]);
    return { secure: true, host, port, tls, path, connect: () => this.network.connect(address, port) };
  }

  /** GETs a document as the aggregator. Rejects with the words of Go's client when there is no answer. */
  async get(api: Pick<ForwardedApi, 'spec'>, endpoint: Endpoint, path: string, accept: string): Promise<RemoteAnswer> {
    const target = await this.target(api, endpoint, path);
    const signal = AbortSignal.timeout(ANSWER_MS);
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(new Error(signal.aborted ? 'i/o timeout' : goText(error)));
      const outgoing = request({
        host: target.host,
        port: target.port,
        path,
        headers: { accept, ...remoteUserHeaders(AGGREGATOR) },
        createConnection: () => connectionTo(target),
        signal,
      });
      outgoing.on('error', fail);
      outgoing.on('response', (incoming) => {
        boundedBytes(incoming, `the document ${path}`, LARGEST_ANSWER).then(
          (body) =>
            resolve({
              code: incoming.statusCode ?? 0,
              contentType: incoming.headers['content-type'] ?? '',
              body: body.toString(),
            }),
          fail,
        );
      });
      outgoing.end();
    });
  }
}
