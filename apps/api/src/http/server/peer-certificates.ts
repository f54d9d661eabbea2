import type { TLSSocket } from 'node:tls';
import type { Credentials } from '../../authentication/authenticator.js';

export type PeerCertificates = Pick<Credentials, 'clientCertificate' | 'intermediates'>;

/** What the peer has shown in its handshake. */
export function peerCertificates(socket: TLSSocket): PeerCertificates {
  const peer = socket.getPeerCertificate?.(true);
  if (!peer?.raw) return {};
  const intermediates: Buffer[] = [];
  for (let issuer = peer.issuerCertificate; issuer?.raw && issuer !== issuer.issuerCertificate; ) {
    intermediates.push(issuer.raw);
    issuer = issuer.issuerCertificate;
  }
  return { clientCertificate: peer.raw, intermediates };
}
