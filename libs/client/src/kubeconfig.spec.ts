import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inClusterConfig, loadConfig, parseKubeconfig } from './kubeconfig.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const file = `
apiVersion: v1
kind: Config
current-context: main
contexts:
- name: main
  context: {cluster: c, user: cert, namespace: work}
- name: token
  context: {cluster: c, user: token}
- name: lost
  context: {cluster: nowhere, user: token}
clusters:
- name: c
  cluster: {server: "https://host:6443/", certificate-authority-data: ${base64('CA')}}
users:
- name: cert
  user: {client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}}
- name: token
  user: {token: secret}
`;

describe('kubeconfig', () => {
  it('gives what the current context says', () => {
    const config = parseKubeconfig(file);
    assert.equal(config.server, 'https://host:6443');
    assert.deepEqual([config.ca, config.cert, config.key, config.namespace], ['CA', 'CERT', 'KEY', 'work']);
  });

  it('gives another context on request', () => {
    const config = parseKubeconfig(file, { context: 'token' });
    assert.deepEqual([config.token, config.cert, config.namespace], ['secret', undefined, 'default']);
  });

  it('names what is missing', () => {
    assert.throws(() => parseKubeconfig(file, { context: 'none' }), /context "none" does not exist/);
    assert.throws(() => parseKubeconfig(file, { context: 'lost' }), /cluster "nowhere" does not exist/);
    assert.throws(() => parseKubeconfig('clusters: []'), /current-context is not set/);
    assert.throws(() => parseKubeconfig('{'), /kubeconfig: /);
  });

  it('reads files named in it relative to itself', () => {
    const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    try {
      writeFileSync(join(directory, 'ca.pem'), 'PEM');
      const path = join(directory, 'config');
      writeFileSync(path, file.replace(/certificate-authority-data: \S+\}/, 'certificate-authority: ca.pem}'));
      assert.equal(loadConfig({ env: { KUBECONFIG: `/does/not/exist:${path}` } }).ca, 'PEM');
      assert.throws(() => loadConfig({ path: join(directory, 'none') }), /cannot read .*none: ENOENT/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('finds the way from within a pod', () => {
    const directory = mkdtempSync(join(tmpdir(), 'mount-'));
    try {
      writeFileSync(join(directory, 'ca.crt'), 'CA');
      writeFileSync(join(directory, 'namespace'), 'ns\n');
      const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
      const config = inClusterConfig(env, directory);
      assert.deepEqual([config.server, config.namespace], ['https://[fd00::1]:443', 'ns']);
      assert.equal(config.tokenFile, join(directory, 'token'));
      assert.throws(() => inClusterConfig({}, directory), /must be defined/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
