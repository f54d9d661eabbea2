/** An API server behind ours, for specs: HTTPS on a free port of this machine, with a certificate of its own authority. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { createAuthority, issueCertificate } from '../../pki/certificate-issuer.js';

export interface RemoteApi {
  readonly port: number;
  /** PEM in base64. */
  readonly caBundle: string;
  /** What was asked for so far, discovery aside. */
  readonly asked: { path: string; headers: IncomingMessage['headers']; peer: string | undefined }[];
  /** Answers its discovery in the form before aggregated discovery. */
  plain: boolean;
  close(): Promise<void>;
}

const RESOURCE = {
  name: 'flunders',
  singularName: 'flunder',
  namespaced: true,
  kind: 'Flunder',
  verbs: ['get', 'list', 'watch'],
};

/**
 * Serves `<group>/<version>` at `host`. A path that ends in `missing` is answered with 404, a watch with two events, half a second
 * apart, and everything else with its path. An upgrade sends back what it gets.
 *
 * @param frontProxyCa - PEM of the authority whose clients it believes.
 */
export async function remoteApi(
  host: string,
  group: string,
  version: string,
  frontProxyCa: string,
): Promise<RemoteApi> {
  const now = new Date();
  const authority = await createAuthority('remote api', now);
  const profile = { commonName: 'remote', usages: ['server'] as const, dnsNames: [host] };
  const { certificate, key } = await issueCertificate(authority, profile, now);
  const asked: RemoteApi['asked'] = [];
  const prefix = `/apis/${group}/${version}`;
  const note = (request: IncomingMessage) => {
    const socket = request.socket as TLSSocket;
    const peer = socket.authorized ? String(socket.getPeerCertificate().subject.CN) : undefined;
    asked.push({ path: request.url!, headers: request.headers, peer });
  };
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url!.split('?')[0]!;
    const send = (body: object, type = 'application/json', code = 200) =>
      response.writeHead(code, { 'Content-Type': type }).end(JSON.stringify(body));
    if (path === '/apis' && own.plain) return send({ kind: 'APIGroupList', groups: [] });
    if (path === '/apis') {
      const resource = {
        resource: 'flunders',
        scope: 'Namespaced',
        verbs: RESOURCE.verbs,
        singularResource: 'flunder',
      };
      const responseKind = { group, version, kind: 'Flunder' };
      const versions = [{ version, resources: [{ ...resource, responseKind }], freshness: 'Current' }];
      const items = [{ metadata: { name: group }, versions }];
      return send(
        { kind: 'APIGroupDiscoveryList', items },
        'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
      );
    }
    if (path === prefix)
      return send({ kind: 'APIResourceList', groupVersion: `${group}/${version}`, resources: [RESOURCE] });
    if (path === '/openapi/v3') {
      return send({ paths: { [`apis/${group}/${version}`]: { serverRelativeURL: `/openapi/v3${prefix}?hash=1` } } });
    }
    note(request);
    if (!path.startsWith(prefix) && !path.startsWith('/openapi'))
      return send({ kind: 'Status', code: 404 }, undefined, 404);
    if (path.endsWith('missing'))
      return send({ kind: 'Status', code: 404, message: 'no such flunder' }, undefined, 404);
    if (!request.url!.includes('watch=')) return send({ kind: 'Flunder', path: request.url });
    response.writeHead(200, { 'Content-Type': 'application/json' }).write('{"type":"ADDED"}\n');
    setTimeout(() => response.end('{"type":"DELETED"}\n'), 500);
    return undefined;
  };
  const sockets = new Set<Duplex>();
  const server = createServer(
    { cert: certificate, key, ca: frontProxyCa, requestCert: true, rejectUnauthorized: false },
    answer,
  );
  server.on('connection', (socket) => sockets.add(socket));
  server.on('upgrade', (request, socket) => {
    note(request);
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own: RemoteApi = {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    asked,
    plain: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return own;
}
