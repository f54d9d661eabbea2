import type { Pod } from './pod.js';

/** A private key, and the certificates for it from the pod's own to the one below the authority: both PEM. */
export interface Credentials {
  key: string;
  chain: string;
}

export interface CertificateSource {
  /** What was issued for that source of the pod's volume. Throws when nothing was, and says whether it will be. */
  credentials(pod: Pod, volume: string, sourceIndex: number): Credentials;
}
