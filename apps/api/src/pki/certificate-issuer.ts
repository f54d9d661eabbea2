import { createHash, createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { bare } from '#apimachinery';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import {
  BACKDATE_MS,
  CA_LIFETIME_MS,
  CERTIFICATE_LIFETIME_MS,
  type CertificateProfile,
  type KeyPair,
} from './certificate-profile.js';

// Loading this module costs about 100 ms: it is imported only when something must be issued.

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const EXTENDED_KEY_USAGE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };
const { subtle } = webcrypto;

type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;
type SigningAlgorithm = { name: string; hash: string; namedCurve?: string };

x509.cryptoProvider.set(webcrypto);

export async function createAuthority(commonName: string, now: Date): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [commonName] }],
    issuer: [{ CN: [commonName] }],
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + CA_LIFETIME_MS),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment | x509.KeyUsageFlags.keyCertSign,
        true,
      ),
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: commonName }]),
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys.privateKey) };
}

export async function issueCertificate(authority: KeyPair, profile: CertificateProfile, now: Date): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await signCertificate(authority, profile, keys.publicKey, now, CERTIFICATE_LIFETIME_MS);
  return { certificate, key: await privateKeyPem(keys.privateKey) };
}

/** Signs somebody else's public key. The lifetime is cut where the authority's own ends. */
export async function signCertificate(
  authority: KeyPair,
  profile: CertificateProfile,
  publicKey: x509.PublicKeyType,
  now: Date,
  lifetimeMs: number,
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await importSigningKey(authority.key);
  const names: x509.JsonGeneralNames = [
    ...(profile.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(profile.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const extensions: x509.Extension[] = [
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension(profile.usages.map((usage) => EXTENDED_KEY_USAGE[usage])),
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ];
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(names));
  const subject: x509.JsonName = [
    ...(profile.organizations ?? []).map((organization) => ({ O: [organization] })),
    { CN: [profile.commonName] },
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: issuer.subjectName,
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(Math.min(now.getTime() + lifetimeMs, issuer.notAfter.getTime())),
    publicKey,
    signingKey: signingKey.key,
    signingAlgorithm: signingKey.algorithm,
    extensions,
  });
  return pem(certificate);
}

/** The authority's key may have come from elsewhere: ECDSA on any of the NIST curves, or RSA. */
export async function importSigningKey(keyPem: string): Promise<{ key: CryptoKey; algorithm: SigningAlgorithm }> {
  const key = createPrivateKey(keyPem);
  const der = key.export({ type: 'pkcs8', format: 'der' });
  if (key.asymmetricKeyType === 'rsa') {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    return { key: (await subtle.importKey('pkcs8', der, algorithm, false, ['sign'])) as CryptoKey, algorithm };
  }
  if (key.asymmetricKeyType !== 'ec') throw new Error(`unsupported key type ${key.asymmetricKeyType}`);
  const curves = bare<{ namedCurve: string; hash: string }>({
    prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
    secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
    secp521r1: { namedCurve: 'P-521', hash: 'SHA-512' },
  });
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (!curve) throw new Error(`unsupported curve ${key.asymmetricKeyDetails?.namedCurve}`);
  const algorithm = { name: 'ECDSA', ...curve };
  return { key: (await subtle.importKey('pkcs8', der, algorithm, false, ['sign'])) as CryptoKey, algorithm };
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return (await subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])) as CryptoKeyPair;
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await subtle.exportKey('pkcs8', key), 'PRIVATE KEY').concat('\n');
}

export function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** 127 random bits, positive, as the CA/Browser forum asks for at least 64. */
export function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** SHA-256 of a certificate's DER, hex: names it in logs. */
export function fingerprint(certificatePem: string): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex');
}
