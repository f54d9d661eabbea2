import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate } from '../../apps/api/src/pki/certificate-issuer.js';
import type { Row } from './attack.js';
import type { NodeUnderAttack } from './node.js';
import type { Identity } from './requester.js';

export const IMAGE = 'berth.local/attack:1';

export interface NodeIdentities {
  nobody: Identity;
  /** A ServiceAccount without rights. */
  rightless: Identity;
  /** The same, by a token for another audience. */
  otherAudience: Identity;
  /** May use nodes/proxy and nothing else of a node. */
  proxier: Identity;
  /** The node itself, by its own client certificate. */
  node: Identity;
  administrator: Identity;
  /** Certificates that must not be believed. */
  forged: Identity[];
}

export interface NodeStage {
  node: NodeUnderAttack;
  who: NodeIdentities;
}

export type NodeRow = Row<NodeStage>;

/** A pod of one busybox container that stays; `container` and `spec` add to it. */
export function pod(name: string, container: object = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: IMAGE, command: ['sh', '-c', 'while :; do sleep 1; done'], ...container }],
      ...spec,
    },
  };
}

const account = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'default' },
});

export async function makeNodeScenery(node: NodeUnderAttack): Promise<NodeStage> {
  const rbac = 'rbac.authorization.k8s.io/v1';
  await node.apply(
    account('rightless'),
    account('proxier'),
    {
      apiVersion: rbac,
      kind: 'ClusterRole',
      metadata: { name: 'proxier' },
      rules: [{ apiGroups: [''], resources: ['nodes/proxy'], verbs: ['*'] }],
    },
    {
      apiVersion: rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'proxier' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'proxier' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 'proxier' }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'config' },
      data: { key: 'a value' },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'secret' }, stringData: { key: 'a secret' } },
    pod('plain'),
  );
  await node.waitReady('plain');
  const token = async (name: string, identity: string, ...more: string[]): Promise<Identity> => {
    const { text } = await node.kubectl(['create', 'token', name, ...more]);
    return { name: identity, headers: { Authorization: `Bearer ${text.trim()}` } };
  };
  const pair = (name: string, file: string): Identity => ({
    name,
    cert: node.pki(`${file}.crt`),
    key: node.pki(`${file}.key`),
  });
  const foreign = await createAuthority('kubernetes', new Date());
  const masters = { commonName: 'attacker', organizations: ['system:masters'], usages: ['client' as const] };
  const selfSigned = await issueCertificate(foreign, masters, new Date());
  const who: NodeIdentities = {
    nobody: { name: 'nobody' },
    rightless: await token('rightless', 'rightless ServiceAccount'),
    otherAudience: await token('rightless', 'token for another audience', '--audience=elsewhere'),
    proxier: await token('proxier', 'holder of nodes/proxy'),
    node: pair('the node itself', 'agent'),
    administrator: node.admin,
    forged: [
      { name: 'certificate of another authority', cert: selfSigned.certificate, key: selfSigned.key },
      pair("the node's serving certificate", 'agent-server'),
      pair("the API server's serving certificate", 'server'),
      pair('the front proxy', 'front-proxy-client'),
      { name: 'text as a token', headers: { Authorization: 'Bearer nonsense' } },
    ],
  };
  return { node, who };
}

/** A folder of the host with files that no pod may change, and a way to see whether one did. */
export class Canary {
  readonly directory = mkdtempSync(join(tmpdir(), 'berth-canary-'));

  constructor() {
    mkdirSync(join(this.directory, 'folder'));
    for (const name of ['file', 'folder/inner']) writeFileSync(join(this.directory, name), `canary ${name}\n`);
    chmodSync(this.directory, 0o755);
  }

  /** Names, modes, owners, times of change and contents, as text. */
  get state(): string {
    const seen = (path: string): string[] => {
      const { mode, uid, gid } = statSync(path);
      const own = `${path} ${mode.toString(8)} ${uid}:${gid}`;
      if (!statSync(path).isDirectory()) return [`${own} ${readFileSync(path, 'utf8')}`];
      return [
        own,
        ...readdirSync(path)
          .sort()
          .flatMap((name) => seen(join(path, name))),
      ];
    };
    try {
      return seen(this.directory).join('\n');
    } catch (error) {
      return `gone: ${(error as Error).message}`;
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
