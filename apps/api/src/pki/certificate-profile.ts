/** What a certificate of ours must say. */
export interface CertificateProfile {
  commonName: string;
  organizations?: readonly string[];
  usages: readonly ('server' | 'client')[];
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
}

/** Upstream's lifetimes: ten years for authorities, one year for the rest. */
export const CA_LIFETIME_MS = 3650 * 24 * 3600 * 1000;
export const CERTIFICATE_LIFETIME_MS = 365 * 24 * 3600 * 1000;
/** A certificate with less than this left is issued anew at start. */
export const RENEW_BEFORE_MS = 90 * 24 * 3600 * 1000;
/** Clocks of nodes differ: certificates are valid from a little before they are made. */
export const BACKDATE_MS = 5 * 60 * 1000;

export interface KeyPair {
  /** PEM. */
  certificate: string;
  /** PEM, PKCS#8. */
  key: string;
}
