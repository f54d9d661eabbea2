import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface ClientCertificate {
  cert: string;
  key: string;
}

/** A certificate authority with the node's serving pair, on disk as the server reads them. */
export class TestCertificates {
  private constructor(
    readonly directory: string,
    readonly ca: string,
    private readonly authority: x509.X509Certificate,
    private readonly keys: webcrypto.CryptoKeyPair,
  ) {}

  static async create(): Promise<TestCertificates> {
    const keys = await generateKeys();
    const authority = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=test-ca',
      keys: keys as any,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    const directory = mkdtempSync(join(tmpdir(), 'berth-node-server-'));
    const certificates = new TestCertificates(directory, authority.toString('pem'), authority, keys);
    const serving = await certificates.issue('CN=system:node:node-1, O=system:nodes', x509.ExtendedKeyUsage.serverAuth);
    writeFileSync(certificates.tls.clientCaFile, certificates.ca);
    writeFileSync(certificates.tls.certificateFile, serving.cert);
    writeFileSync(certificates.tls.keyFile, serving.key);
    return certificates;
  }

  get tls(): { certificateFile: string; keyFile: string; clientCaFile: string } {
    const file = (name: string) => join(this.directory, name);
    return { certificateFile: file('server.crt'), keyFile: file('server.key'), clientCaFile: file('ca.crt') };
  }

  /** `subject` as in `CN=admin, O=system:masters`. */
  async issue(subject: string, usage: string = x509.ExtendedKeyUsage.clientAuth): Promise<ClientCertificate> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject,
      issuer: this.authority.subject,
      publicKey: keys.publicKey as any,
      signingKey: this.keys.privateKey as any,
      signingAlgorithm: ALGORITHM,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      extensions: [
        new x509.ExtendedKeyUsageExtension([usage]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'ip', value: '127.0.0.1' },
          { type: 'dns', value: 'localhost' },
        ]),
      ],
    });
    const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as any);
    return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(der, 'PRIVATE KEY') };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
