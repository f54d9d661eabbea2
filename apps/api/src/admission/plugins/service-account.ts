import { setTimeout as delay } from 'node:timers/promises';
import { generateName, type KubeObject } from '#apimachinery';
import { MIRROR_POD_ANNOTATION, podReferences } from '#kinds';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection } from '../rejection.js';

const DEFAULT_ACCOUNT = 'default';
const VOLUME_PREFIX = 'kube-api-access-';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const ENFORCE_ANNOTATION = 'kubernetes.io/enforce-mountable-secrets';
/** The controller makes `default` a moment after its namespace: how often it is looked for again. */
const DEFAULT_ATTEMPTS = 10;
const RETRY_MS = 100;
/** An hour and a little, by which the server knows that the token is the mounted one and lets it live longer. */
const TOKEN_SECONDS = 3607;

/** Gives pods their ServiceAccount, its pull secrets, and the volume with its token. */
export class ServiceAccount implements AdmissionPlugin {
  readonly name = 'ServiceAccount';

  constructor(
    private readonly lister: Lister,
    private readonly retryMs = RETRY_MS,
  ) {}

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    if (resource.group !== '' || resource.resource !== 'pods') return false;
    return subresource === ''
      ? operation === 'CREATE'
      : subresource === 'ephemeralcontainers' && operation === 'UPDATE';
  }

  admit(request: AdmissionRequest): void | Promise<void> {
    if (request.operation !== 'CREATE') return;
    const pod = request.object!;
    if (isMirror(pod)) return this.validate(request);
    const spec = (pod['spec'] ??= {});
    if (!spec.serviceAccountName) {
      spec.serviceAccountName = DEFAULT_ACCOUNT;
      spec.serviceAccount = DEFAULT_ACCOUNT;
    }
    const account = this.lister.get('serviceaccounts', request.namespace, spec.serviceAccountName);
    if (account) return this.apply(request, pod, account);
    return this.waitForAccount(request, spec.serviceAccountName).then((found) => this.apply(request, pod, found));
  }

  validate(request: AdmissionRequest): void {
    const pod = request.object!;
    if (request.operation === 'CREATE' && isMirror(pod)) {
      validateMirror(request, pod);
      return;
    }
    const name = pod['spec']?.serviceAccountName;
    const { namespace } = request;
    if (!name) throw rejection(request, `no service account specified for pod ${namespace}/${pod.metadata.name}`);
    const account = this.lister.get('serviceaccounts', namespace, name);
    if (!account) throw missing(request, name);
    if (!isTrue(account.metadata.annotations?.[ENFORCE_ANNOTATION])) return;
    const problem = request.operation === 'UPDATE' ? ephemeralSecretProblem(account, pod) : secretProblem(account, pod);
    if (problem) throw rejection(request, problem);
  }

  private apply(request: AdmissionRequest, pod: KubeObject, account: KubeObject): void {
    const spec = pod['spec'];
    if (spec.automountServiceAccountToken ?? account['automountServiceAccountToken'] ?? true) mountToken(spec);
    if (!spec.imagePullSecrets?.length && account['imagePullSecrets']?.length) {
      spec.imagePullSecrets = account['imagePullSecrets'].map(({ name }: { name: string }) => ({ name }));
    }
    this.validate(request);
  }

  private async waitForAccount(request: AdmissionRequest, name: string): Promise<KubeObject> {
    const attempts = name === DEFAULT_ACCOUNT ? DEFAULT_ATTEMPTS : 1;
    for (let attempt = 1; attempt < attempts; attempt++) {
      await delay(this.retryMs);
      const account = this.lister.get('serviceaccounts', request.namespace, name);
      if (account) return account;
    }
    throw missing(request, name);
  }
}

function missing(request: AdmissionRequest, name: string) {
  const where = `${request.namespace}/${name}`;
  return rejection(request, `error looking up service account ${where}: serviceaccount "${name}" not found`);
}

function isMirror(pod: KubeObject): boolean {
  return pod.metadata.annotations?.[MIRROR_POD_ANNOTATION] !== undefined;
}

/** strconv.ParseBool */
function isTrue(text: string | undefined): boolean {
  return text !== undefined && ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text);
}

function validateMirror(request: AdmissionRequest, pod: KubeObject): void {
  if (pod['spec']?.serviceAccountName) throw rejection(request, 'a mirror pod may not reference service accounts');
  if (podReferences(pod).secrets.size > 0) throw rejection(request, 'a mirror pod may not reference secrets');
  for (const volume of pod['spec']?.volumes ?? []) {
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken) {
        throw rejection(request, 'a mirror pod may not use ServiceAccountToken volume projections');
      }
    }
  }
}

function mountToken(spec: Record<string, any>): void {
  const existing = (spec['volumes'] ?? []).find((volume: any) => volume.name?.startsWith(VOLUME_PREFIX));
  const name: string = existing?.name ?? generateName(VOLUME_PREFIX);
  let mounted = false;
  for (const container of [...(spec['initContainers'] ?? []), ...(spec['containers'] ?? [])]) {
    if (container.volumeMounts?.some((mount: any) => mount.mountPath === MOUNT_PATH)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
    mounted = true;
  }
  if (existing || !mounted) return;
  spec['volumes'] = [...(spec['volumes'] ?? []), tokenVolume(name)];
}

/** The volume by which a pod's processes reach the API as their ServiceAccount. */
export function tokenVolume(name: string) {
  const sources = [
    { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ];
  return { name, projected: { sources, defaultMode: 0o644 } };
}

/** For accounts that ask for it: the first secret that the pod uses and the account does not list. */
function secretProblem(account: KubeObject, pod: KubeObject): string | undefined {
  const allowed = namesOf(account['secrets']);
  const owner = account.metadata.name;
  const spec = pod['spec'];
  for (const volume of spec.volumes ?? []) {
    const secret = volume.secret?.secretName;
    if (volume.secret && !allowed.has(secret)) {
      return `volume with secret.secretName="${secret}" is not allowed because service account ${owner} does not reference that secret`;
    }
  }
  const inContainers =
    environmentProblem(spec.initContainers, 'init container', allowed, owner) ??
    environmentProblem(spec.containers, 'container', allowed, owner);
  if (inContainers) return inContainers;
  const pullSecrets = namesOf(account['imagePullSecrets']);
  for (const [i, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (!pullSecrets.has(name)) {
      return `imagePullSecrets[${i}].name="${name}" is not allowed because service account ${owner} does not reference that imagePullSecret`;
    }
  }
  return undefined;
}

function ephemeralSecretProblem(account: KubeObject, pod: KubeObject): string | undefined {
  const containers = pod['spec'].ephemeralContainers;
  return environmentProblem(containers, 'ephemeral container', namesOf(account['secrets']), account.metadata.name);
}

function environmentProblem(
  containers: any[] | undefined,
  what: string,
  allowed: Set<string>,
  owner: string | undefined,
): string | undefined {
  const because = `is not allowed because service account ${owner} does not reference that secret`;
  for (const container of containers ?? []) {
    for (const env of container.env ?? []) {
      const ref = env.valueFrom?.secretKeyRef;
      if (ref && !allowed.has(ref.name)) {
        return `${what} ${container.name} with envVar ${env.name} referencing secret.secretName="${ref.name}" ${because}`;
      }
    }
    for (const source of container.envFrom ?? []) {
      const ref = source.secretRef;
      if (ref && !allowed.has(ref.name)) {
        return `${what} ${container.name} with envFrom referencing secret.secretName="${ref.name}" ${because}`;
      }
    }
  }
  return undefined;
}

function namesOf(references: { name: string }[] | undefined): Set<string> {
  return new Set((references ?? []).map(({ name }) => name));
}
