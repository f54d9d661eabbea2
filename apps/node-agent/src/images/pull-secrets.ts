import type { KubeObject } from '#apimachinery';
import { ownValue } from '#apimachinery';
import type { CriAuth } from '../runtime/cri-types.js';
import { splitRepository } from './image-name.js';

interface Entry {
  host: string;
  path: string;
  auth: CriAuth;
}

const HUB_NAMES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Credentials in the secrets that fit the image, the most specific first. Secrets of other types count for nothing. */
export function credentialsFor(image: string, secrets: readonly KubeObject[]): CriAuth[] {
  const { host, path } = splitRepository(image);
  return secrets
    .flatMap(entriesOf)
    .filter((entry) => hostMatches(entry.host, host) && pathMatches(entry.path, path))
    .sort((a, b) => b.path.length - a.path.length)
    .map((entry) => entry.auth);
}

function entriesOf(secret: KubeObject): Entry[] {
  const data = (secret['data'] ?? {}) as Record<string, string>;
  const decode = (key: string): any => JSON.parse(Buffer.from(ownValue(data, key)!, 'base64').toString('utf8'));
  try {
    if (data['.dockerconfigjson']) return toEntries(decode('.dockerconfigjson').auths);
    if (data['.dockercfg']) return toEntries(decode('.dockercfg'));
  } catch {
    // A broken secret gives no credentials; the pull's own error tells the rest.
  }
  return [];
}

function toEntries(auths: Record<string, any> | undefined): Entry[] {
  return Object.entries(auths ?? {}).map(([key, value]) => {
    const place = key
      .replace(/^https?:\/\//, '')
      .replace(/\/v[12]\/?$/, '')
      .replace(/\/$/, '');
    const slash = place.indexOf('/');
    return {
      host: slash === -1 ? place : place.slice(0, slash),
      path: slash === -1 ? '' : place.slice(slash + 1),
      auth: toAuth(value),
    };
  });
}

function toAuth(value: any): CriAuth {
  const auth: CriAuth = {};
  if (value.auth) {
    const text = Buffer.from(value.auth, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    auth.username = text.slice(0, colon);
    auth.password = text.slice(colon + 1).replace(/\0+$/, '');
  }
  if (value.username) auth.username = value.username;
  if (value.password) auth.password = value.password;
  if (value.identitytoken) auth.identityToken = value.identitytoken;
  if (value.registrytoken) auth.registryToken = value.registrytoken;
  return auth;
}

/** `*` stands for one label or a part of it: `*.example.com`. */
function hostMatches(pattern: string, host: string): boolean {
  if (HUB_NAMES.has(pattern) && HUB_NAMES.has(host)) return true;
  const [patternName = '', patternPort] = pattern.split(':');
  const [hostName = '', hostPort] = host.split(':');
  if (patternPort !== hostPort) return false;
  const patternLabels = patternName.split('.');
  const hostLabels = hostName.split('.');
  return (
    patternLabels.length === hostLabels.length &&
    patternLabels.every((label, index) => {
      const expression = label
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '[^.]*')
        .replaceAll('?', '[^.]');
      return new RegExp(`^${expression}$`).test(hostLabels[index]!);
    })
  );
}

function pathMatches(prefix: string, path: string): boolean {
  return (
    prefix === '' ||
    path === prefix ||
    path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`) ||
    path.startsWith(prefix)
  );
}
