import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';

/** Everything a transport needs to reach and trust one API server, and to be known by it. */
export interface ClientConfig {
  /** Base address, e.g. `https://127.0.0.1:6443`. A path in it is kept as a prefix. */
  server: string;
  /** PEM. */
  ca?: string;
  insecureSkipTlsVerify?: boolean;
  tlsServerName?: string;
  /** PEM client certificate and key. */
  cert?: string;
  key?: string;
  token?: string;
  /** Read again when it changes: mounted ServiceAccount tokens rotate. Takes precedence over `token`. */
  tokenFile?: string;
  username?: string;
  password?: string;
  impersonate?: { user: string; groups?: string[] };
  /** The context's default namespace; `default` when it names none. */
  namespace: string;
}

/** A kubeconfig that cannot be used. The message names what is wrong and where. */
export class KubeconfigError extends Error {
  override name = 'KubeconfigError';
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface LoadOptions {
  /** Path; absent: $KUBECONFIG (its first existing file), then ~/.kube/config, then in-cluster. */
  path?: string;
  /** Absent: the file's current-context. */
  context?: string;
  env?: Record<string, string | undefined>;
}

/** Finds and reads a configuration as kubectl would. */
export function loadConfig(options: LoadOptions = {}): ClientConfig {
  const env = options.env ?? process.env;
  if (options.path) return loadKubeconfig(options.path, options.context);
  const candidates = env['KUBECONFIG'] ? env['KUBECONFIG'].split(':') : [join(homedir(), '.kube', 'config')];
  for (const path of candidates) {
    if (path && existsSync(path)) return loadKubeconfig(path, options.context);
  }
  if (env['KUBERNETES_SERVICE_HOST']) return inClusterConfig(env);
  throw new KubeconfigError(`no kubeconfig found: looked at ${candidates.join(', ')}`);
}

/** What a pod's ServiceAccount mount and environment say. */
export function inClusterConfig(
  env: Record<string, string | undefined> = process.env,
  directory = SERVICE_ACCOUNT,
): ClientConfig {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new KubeconfigError(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    );
  }
  const namespaceFile = join(directory, 'namespace');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readText(join(directory, 'ca.crt')),
    tokenFile: join(directory, 'token'),
    namespace: existsSync(namespaceFile) ? readText(namespaceFile).trim() : 'default',
  };
}

export function loadKubeconfig(path: string, context?: string): ClientConfig {
  return parseKubeconfig(readText(path), { context, directory: dirname(resolve(path)), source: path });
}

interface NamedEntry {
  name?: string;
  [field: string]: unknown;
}

/** `directory` is what relative file names in it start from. */
export function parseKubeconfig(
  text: string,
  options: { context?: string; directory?: string; source?: string } = {},
): ClientConfig {
  const source = options.source ?? 'kubeconfig';
  const directory = options.directory ?? '.';
  let file: any;
  try {
    file = parse(text);
  } catch (error) {
    throw new KubeconfigError(`${source}: ${(error as Error).message}`);
  }
  if (file === null || typeof file !== 'object') throw new KubeconfigError(`${source}: not a kubeconfig`);
  const pick = (list: unknown, kind: 'context' | 'cluster' | 'user', name: string): any => {
    const found = (Array.isArray(list) ? (list as NamedEntry[]) : []).find((entry) => entry?.name === name);
    if (!found) throw new KubeconfigError(`${source}: ${kind} "${name}" does not exist`);
    return found[kind] ?? {};
  };
  const contextName = options.context ?? file['current-context'];
  if (!contextName) throw new KubeconfigError(`${source}: current-context is not set`);
  const context = pick(file.contexts, 'context', contextName);
  const cluster = pick(file.clusters, 'cluster', context.cluster);
  const user = context.user ? pick(file.users, 'user', context.user) : {};
  if (!cluster.server) throw new KubeconfigError(`${source}: cluster "${context.cluster}" has no server`);
  if (user.exec || user['auth-provider']) {
    throw new KubeconfigError(
      `${source}: user "${context.user}": exec and auth-provider credentials are not supported`,
    );
  }
  const pem = (
    entry: any,
    field: 'certificate-authority' | 'client-certificate' | 'client-key',
  ): string | undefined => {
    const data = entry[`${field}-data`];
    if (data) return Buffer.from(data, 'base64').toString('utf8');
    return entry[field] ? readText(resolve(directory, entry[field])) : undefined;
  };
  return {
    server: String(cluster.server).replace(/\/+$/, ''),
    ca: pem(cluster, 'certificate-authority'),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
    tlsServerName: cluster['tls-server-name'],
    cert: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
    token: user.token,
    tokenFile: user.tokenFile ? resolve(directory, user.tokenFile) : undefined,
    username: user.username,
    password: user.password,
    impersonate: user.as ? { user: user.as, groups: user['as-groups'] } : undefined,
    namespace: context.namespace || 'default',
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KubeconfigError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
