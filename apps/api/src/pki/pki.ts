import { createPrivateKey, createPublicKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiAddress } from '#apimachinery';
import { INGRESS_PROXY, KUBELET_CLIENT, NODE_NETWORK } from '../identity/users.js';
import { type CertificateProfile, type KeyPair, RENEW_BEFORE_MS } from './certificate-profile.js';
import {
  PUBLIC_MODE,
  readIfPresent,
  readSecretIfPresent,
  SECRET_MODE,
  writeAtomically,
  writeIfChanged,
} from './credential-files.js';
import { renderKubeconfig } from './kubeconfig.js';

export interface PkiOptions {
  dataDir: string;
  /** What the kubeconfigs name: `https://host:port`. */
  serverUrl: string;
  advertiseAddress: string;
  /** CIDRs; the first address of each goes into the server's certificate. */
  serviceClusterIpRange: string;
  clusterDomain: string;
  /** Further names and addresses of the server. */
  extraSans?: readonly string[];
  /** The node on this machine: its kubeconfig and serving certificate are made when this is given. */
  localNode?: { name: string; ip: string };
  now?: Date;
}

export interface Pki {
  directory: string;
  ca: KeyPair;
  server: KeyPair;
  admin: KeyPair;
  kubeletClient: KeyPair;
  frontProxyCa: KeyPair;
  frontProxyClient: KeyPair;
  /** Serving certificate of the local node's server. */
  agentServer?: KeyPair;
  /** Client certificate of the local node, also in its kubeconfig. */
  agent?: KeyPair;
  dns: KeyPair;
  ingress: KeyPair;
  /** Of who follows what NetworkPolicies select. */
  network: KeyPair;
  /** Signs and verifies ServiceAccount tokens, PEM. */
  serviceAccount: { privateKey: string; publicKey: string };
  kubeconfigs: { admin: string; dns: string; ingress: string; network: string; agent?: string };
  /** File names (`server.crt`) that this call wrote; empty when everything was there and good. */
  written: string[];
}

/**
 * Makes what is missing, about to expire or no longer fitting, and gives everything back. Quick when nothing is to be
 * done: files are only read and checked. Authorities are never replaced: that would cut off every client.
 */
export async function preparePki(options: PkiOptions): Promise<Pki> {
  const directory = join(options.dataDir, 'pki');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const now = options.now ?? new Date();
  const keeper = new Keeper(directory, now);

  const [ca, frontProxyCa, serviceAccount] = await Promise.all([
    keeper.authority('ca', 'kubernetes'),
    keeper.authority('front-proxy-ca', 'front-proxy-ca'),
    keeper.signingKeys('sa'),
  ]);
  const node = options.localNode;
  const client = (commonName: string, organizations?: string[]): CertificateProfile => ({
    commonName,
    organizations,
    usages: ['client'],
  });
  const [server, admin, kubeletClient, frontProxyClient, dns, ingress, network, agent, agentServer] = await Promise.all(
    [
      keeper.certificate('server', ca, serverProfile(options)),
      keeper.certificate('admin', ca, client('kubernetes-admin', ['system:masters'])),
      keeper.certificate('kubelet-client', ca, client(KUBELET_CLIENT)),
      keeper.certificate('front-proxy-client', frontProxyCa, client('front-proxy-client')),
      keeper.certificate('dns', ca, client('system:kube-dns')),
      keeper.certificate('ingress', ca, client(INGRESS_PROXY)),
      keeper.certificate('network', ca, client(NODE_NETWORK)),
      node && keeper.certificate('agent', ca, client(`system:node:${node.name}`, ['system:nodes'])),
      node && keeper.certificate('agent-server', ca, nodeServerProfile(node)),
      keeper.certificate('ingress-default', ca, INGRESS_DEFAULT),
    ],
  );

  const kubeconfig = async (file: string, user: string, credentials: KeyPair): Promise<string> => {
    const path = join(options.dataDir, file);
    const text = renderKubeconfig({ server: options.serverUrl, caCertificate: ca.certificate, user, credentials });
    if (await writeIfChanged(path, text, SECRET_MODE)) keeper.written.push(file);
    return path;
  };
  const kubeconfigs: Pki['kubeconfigs'] = {
    admin: await kubeconfig('kubeconfig', 'kubernetes-admin', admin),
    dns: await kubeconfig('dns.kubeconfig', 'system:kube-dns', dns),
    ingress: await kubeconfig('ingress.kubeconfig', INGRESS_PROXY, ingress),
    network: await kubeconfig('network.kubeconfig', NODE_NETWORK, network),
  };
  if (node && agent) kubeconfigs.agent = await kubeconfig('agent.kubeconfig', `system:node:${node.name}`, agent);

  return {
    directory,
    ca,
    server,
    admin,
    kubeletClient,
    frontProxyCa,
    frontProxyClient,
    agentServer,
    agent,
    dns,
    ingress,
    network,
    serviceAccount,
    kubeconfigs,
    written: keeper.written,
  };
}

/** What the Ingress proxy shows for hosts without a certificate: a name that nobody has, so no client takes it for theirs. */
const INGRESS_DEFAULT: CertificateProfile = {
  commonName: 'Berth Ingress default certificate',
  usages: ['server'],
  dnsNames: ['ingress.invalid'],
};

function serverProfile(options: PkiOptions): CertificateProfile {
  const names = new Set<string>([
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${options.clusterDomain}`,
    hostname(),
    new URL(options.serverUrl).hostname.replace(/^\[|\]$/g, ''),
    ...(options.extraSans ?? []),
    '127.0.0.1',
    '::1',
    options.advertiseAddress,
    ...options.serviceClusterIpRange.split(',').map((range) => apiAddress(range.trim())),
  ]);
  if (options.localNode) {
    names.add(options.localNode.name);
    names.add(options.localNode.ip);
  }
  return { commonName: 'kube-apiserver', usages: ['server'], ...splitNames(names) };
}

/** As kubelet's own serving certificates: in system:nodes, CN system:node:<name>. */
function nodeServerProfile(node: { name: string; ip: string }): CertificateProfile {
  return {
    commonName: `system:node:${node.name}`,
    organizations: ['system:nodes'],
    usages: ['server'],
    ...splitNames(new Set([node.name, 'localhost', node.ip, '127.0.0.1', '::1'])),
  };
}

function splitNames(names: Set<string>): { dnsNames: string[]; ipAddresses: string[] } {
  const all = [...names].filter((name) => name !== '' && name !== '0.0.0.0' && name !== '::');
  return { dnsNames: all.filter((name) => isIP(name) === 0), ipAddresses: all.filter((name) => isIP(name) !== 0) };
}

class Keeper {
  readonly written: string[] = [];

  constructor(
    private readonly directory: string,
    private readonly now: Date,
  ) {}

  async authority(name: string, commonName: string): Promise<KeyPair> {
    const { certificate, key } = await this.read(name);
    if (certificate === undefined) {
      const { createAuthority } = await import('./certificate-issuer.js');
      return this.write(name, await createAuthority(commonName, this.now));
    }
    if (key === undefined)
      throw new Error(`${join(this.directory, `${name}.key`)} is missing: ${name}.crt cannot sign without it`);
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(createPrivateKey(key))) {
      throw new Error(`${join(this.directory, `${name}.key`)} is not the key of ${name}.crt`);
    }
    if (Date.parse(parsed.validTo) <= this.now.getTime()) {
      throw new Error(`${join(this.directory, `${name}.crt`)} has expired on ${parsed.validTo}`);
    }
    return { certificate, key };
  }

  async certificate(name: string, authority: KeyPair, profile: CertificateProfile): Promise<KeyPair> {
    const { certificate, key } = await this.read(name);
    if (certificate !== undefined && key !== undefined && fits({ certificate, key }, authority, profile, this.now)) {
      return { certificate, key };
    }
    const { issueCertificate } = await import('./certificate-issuer.js');
    return this.write(name, await issueCertificate(authority, profile, this.now));
  }

  /** RS256 as upstream: every OIDC client that federates with a cluster knows it. */
  async signingKeys(name: string): Promise<{ privateKey: string; publicKey: string }> {
    let privateKey = await readSecretIfPresent(this.path(name, 'key'));
    if (privateKey === undefined) {
      const pair = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
      privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      await writeAtomically(this.path(name, 'key'), privateKey, SECRET_MODE);
      this.written.push(`${name}.key`);
    }
    const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
    if (await writeIfChanged(this.path(name, 'pub'), publicKey, PUBLIC_MODE)) this.written.push(`${name}.pub`);
    return { privateKey, publicKey };
  }

  private async read(name: string): Promise<Partial<KeyPair>> {
    const [certificate, key] = await Promise.all([
      readIfPresent(this.path(name, 'crt')),
      readSecretIfPresent(this.path(name, 'key')),
    ]);
    return { certificate, key };
  }

  /** An authority's certificate appears last: a start that was cut short finds no half of a pair that it must keep. */
  private async write(name: string, pair: KeyPair): Promise<KeyPair> {
    await rm(this.path(name, 'crt'), { force: true });
    await writeAtomically(this.path(name, 'key'), pair.key, SECRET_MODE);
    await writeAtomically(this.path(name, 'crt'), pair.certificate, PUBLIC_MODE);
    this.written.push(`${name}.crt`, `${name}.key`);
    return pair;
  }

  private path(name: string, extension: string): string {
    return join(this.directory, `${name}.${extension}`);
  }
}

/** False: issue anew. */
function fits(pair: KeyPair, authority: KeyPair, profile: CertificateProfile, now: Date): boolean {
  let certificate: X509Certificate;
  let authorityCertificate: X509Certificate;
  try {
    certificate = new X509Certificate(pair.certificate);
    authorityCertificate = new X509Certificate(authority.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return false;
  } catch {
    return false;
  }
  if (!certificate.checkIssued(authorityCertificate) || !certificate.verify(authorityCertificate.publicKey))
    return false;
  // An authority near its own end issues short certificates: renewing those at every start would gain nothing.
  const renewAt = Math.min(Date.parse(authorityCertificate.validTo), Date.parse(certificate.validTo) - RENEW_BEFORE_MS);
  if (Date.parse(certificate.validTo) <= now.getTime()) return false;
  if (renewAt <= now.getTime() && certificate.validTo !== authorityCertificate.validTo) return false;
  const subject = certificate.subject.split('\n');
  const wanted = [
    ...(profile.organizations ?? []).map((organization) => `O=${organization}`),
    `CN=${profile.commonName}`,
  ];
  if (subject.length !== wanted.length || wanted.some((part) => !subject.includes(part))) return false;
  return (
    (profile.dnsNames ?? []).every((name) => certificate.checkHost(name, { subject: 'never' }) !== undefined) &&
    (profile.ipAddresses ?? []).every((address) => certificate.checkIP(address) !== undefined)
  );
}
