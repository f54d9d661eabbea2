import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { issueCertificate } from '../../apps/api/src/pki/certificate-issuer.js';
import type { KeyPair } from '../../apps/api/src/pki/certificate-profile.js';

/** What came to a listener of the test: `subject` of the client certificate, '' when none was shown. */
export interface Visit {
  url: string;
  subject: string;
  authorization: string;
}

/** A port that the control plane may be made to call: it notes who calls, and with what. */
export class Listener {
  readonly visits: Visit[] = [];
  connections = 0;

  private constructor(
    private readonly server: HttpServer | HttpsServer,
    readonly port: number,
  ) {}

  /** With a certificate of an authority; the control plane believes one of its own to be a node's, as far as its address goes. */
  static async tls(authority: KeyPair, address: string): Promise<Listener> {
    const profile = {
      commonName: 'system:node:x',
      organizations: ['system:nodes'],
      usages: ['server' as const],
      dnsNames: ['x', 'y'],
      ipAddresses: [...new Set([address, '127.0.0.1'])],
    };
    const { certificate, key } = await issueCertificate(authority, profile, new Date());
    const ca = authority.certificate;
    return Listener.over(
      createHttpsServer({ cert: certificate, key, ca, requestCert: true, rejectUnauthorized: false }),
      address,
    );
  }

  static plain(address: string): Promise<Listener> {
    return Listener.over(createHttpServer(), address);
  }

  private static async over(server: HttpServer | HttpsServer, address: string): Promise<Listener> {
    await new Promise<void>((resolve, reject) => server.listen(0, address, resolve).on('error', reject));
    const listener = new Listener(server, (server.address() as AddressInfo).port);
    server.on('connection', () => {
      listener.connections += 1;
    });
    server.on('request', (request, response) => {
      const peer = (request.socket as TLSSocket).getPeerCertificate?.();
      const subject = peer?.subject ? JSON.stringify(peer.subject) : '';
      listener.visits.push({ url: request.url ?? '', subject, authorization: request.headers.authorization ?? '' });
      response.end('from the listener\n');
    });
    return listener;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
