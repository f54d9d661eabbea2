import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate } from './certificate-issuer.js';
import { type PkiOptions, preparePki } from './pki.js';

const DAY_MS = 24 * 3600 * 1000;

describe('preparePki', () => {
  let dataDir: string;
  let options: PkiOptions;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'pki-'));
    options = {
      dataDir,
      serverUrl: 'https://127.0.0.1:6443',
      advertiseAddress: '192.0.2.10',
      serviceClusterIpRange: '10.96.0.0/16',
      clusterDomain: 'cluster.local',
      localNode: { name: 'node-1', ip: '192.0.2.10' },
    };
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it('makes authorities, certificates, keys and kubeconfigs on the first start', async () => {
    const pki = await preparePki(options);
    const ca = new X509Certificate(pki.ca.certificate);
    assert.equal(ca.ca, true);
    const admin = new X509Certificate(pki.admin.certificate);
    assert.equal(admin.subject, 'O=system:masters\nCN=kubernetes-admin');
    assert.equal(admin.verify(ca.publicKey), true);
    assert.equal(new X509Certificate(pki.agent!.certificate).subject, 'O=system:nodes\nCN=system:node:node-1');
    const server = new X509Certificate(pki.server.certificate);
    for (const name of ['localhost', 'kubernetes', 'kubernetes.default.svc.cluster.local', 'node-1']) {
      assert.ok(server.checkHost(name), name);
    }
    for (const address of ['127.0.0.1', '::1', '10.96.0.1', '192.0.2.10']) assert.ok(server.checkIP(address), address);
    assert.match(pki.serviceAccount.publicKey, /BEGIN PUBLIC KEY/);
    for (const file of [
      'pki/ca.key',
      'pki/sa.key',
      'kubeconfig',
      'agent.kubeconfig',
      'dns.kubeconfig',
      'ingress.kubeconfig',
      'network.kubeconfig',
    ]) {
      assert.equal((await stat(join(dataDir, file))).mode & 0o777, 0o600, file);
    }
    const kubeconfig = await readFile(join(dataDir, 'kubeconfig'), 'utf8');
    assert.match(kubeconfig, /server: "https:\/\/127\.0\.0\.1:6443"/);
  });

  it('writes nothing when all is there', async () => {
    const again = await preparePki(options);
    assert.deepEqual(again.written, []);
  });

  it('issues the server certificate anew when a name is missing', async () => {
    const pki = await preparePki({ ...options, extraSans: ['api.example.org'] });
    assert.deepEqual(pki.written.sort(), ['server.crt', 'server.key']);
    assert.ok(new X509Certificate(pki.server.certificate).checkHost('api.example.org'));
  });

  it('issues certificates anew before they expire, with the kubeconfigs that hold them, and keeps the authorities', async () => {
    const before = await preparePki(options);
    const pki = await preparePki({ ...options, now: new Date(Date.now() + 300 * DAY_MS) });
    assert.equal(pki.ca.certificate, before.ca.certificate);
    assert.ok(pki.written.includes('admin.crt') && pki.written.includes('kubeconfig'));
    assert.deepEqual((await preparePki({ ...options, now: new Date(Date.now() + 300 * DAY_MS) })).written, []);
  });

  it('replaces a certificate whose key does not belong to it', async () => {
    const other = await readFile(join(dataDir, 'pki/dns.key'), 'utf8');
    await writeFile(join(dataDir, 'pki/admin.key'), other);
    assert.deepEqual((await preparePki(options)).written.sort(), ['admin.crt', 'admin.key', 'kubeconfig']);
  });

  it('knows itself to nodes by a user without groups, and replaces an older certificate in system:masters', async () => {
    const pki = await preparePki(options);
    const user = 'kube-apiserver-kubelet-client';
    assert.equal(new X509Certificate(pki.kubeletClient.certificate).subject, `CN=${user}`);
    const profile = { commonName: user, organizations: ['system:masters'], usages: ['client' as const] };
    const old = await issueCertificate(pki.ca, profile, new Date());
    await writeFile(join(dataDir, 'pki/kubelet-client.crt'), old.certificate);
    await writeFile(join(dataDir, 'pki/kubelet-client.key'), old.key);
    const again = await preparePki(options);
    assert.deepEqual(again.written.sort(), ['kubelet-client.crt', 'kubelet-client.key']);
    assert.equal(new X509Certificate(again.kubeletClient.certificate).subject, `CN=${user}`);
  });

  it('refuses to go on with an authority that has no key, and names the file', async () => {
    const key = await readFile(join(dataDir, 'pki/ca.key'), 'utf8');
    await rm(join(dataDir, 'pki/ca.key'));
    await assert.rejects(preparePki(options), /ca\.key is missing/);
    await writeFile(join(dataDir, 'pki/ca.key'), key, { mode: 0o600 });
    assert.deepEqual((await preparePki(options)).written, []);
  });
});
