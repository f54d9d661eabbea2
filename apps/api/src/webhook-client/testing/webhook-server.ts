/** A webhook for specs: HTTPS on a free port of this machine, with a certificate of its own authority. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { createAuthority, issueCertificate } from '../../pki/certificate-issuer.js';
import type { WebhookNetwork } from '../webhook-agent.js';

export interface WebhookServer {
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** PEM in base64. */
  readonly caBundle: string;
  /** Connections that were made so far. */
  readonly connections: number;
  /** Bodies of the requests so far, in their order. */
  readonly received: any[];
  /** Paths with queries of the same. */
  readonly paths: string[];
  /** What becomes of the requests that come from now on: an answer as JSON, or whatever it does by itself. */
  handle: (body: any, response: ServerResponse, request: IncomingMessage) => unknown;
  close(): Promise<void>;
}

/** @param names - DNS names of the certificate, beside 127.0.0.1. */
export async function webhookServer(names: readonly string[] = []): Promise<WebhookServer> {
  const now = new Date();
  const authority = await createAuthority('webhook test', now);
  const { certificate, key } = await issueCertificate(
    authority,
    { commonName: 'webhook', usages: ['server'], dnsNames: [...names], ipAddresses: ['127.0.0.1'] },
    now,
  );
  let connections = 0;
  const received: unknown[] = [];
  const paths: string[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    void json(request).then(async (body) => {
      received.push(body);
      paths.push(request.url!);
      const answer = await own.handle(body, response, request);
      if (answer !== undefined) response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
    });
  });
  server.on('secureConnection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const own: WebhookServer = {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    get connections() {
      return connections;
    },
    received,
    paths,
    handle: () => ({}),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return own;
}

/** Whatever address is asked for: it is on this machine. Names are what `hosts` says. */
export function localNetwork(hosts: Readonly<Record<string, readonly string[]>> = {}): WebhookNetwork {
  return {
    resolve: async (name) => {
      const found = new Map(Object.entries(hosts)).get(name);
      if (found === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
      return found;
    },
    connect: (_, port) => connect({ host: '127.0.0.1', port }),
  };
}
