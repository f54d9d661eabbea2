import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Credentials } from '../../authentication/authenticator.js';

/** Whether headers say more of the sender, or of whom it acts as, than its certificate. */
export function asksForMore(headers: IncomingMessage['headers']): boolean {
  if (headers['x-remote-user'] !== undefined) return true;
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}

/** What the peer has shown in its handshake. */
export function peerCertificates(socket: TLSSocket): Pick<Credentials, 'clientCertificate' | 'intermediates'> {
  const peer = socket.getPeerCertificate?.(true);
  if (!peer?.raw) return {};
  const intermediates: Buffer[] = [];
  for (let issuer = peer.issuerCertificate; issuer?.raw && issuer !== issuer.issuerCertificate; ) {
    intermediates.push(issuer.raw);
    issuer = issuer.issuerCertificate;
  }
  return { clientCertificate: peer.raw, intermediates };
}
