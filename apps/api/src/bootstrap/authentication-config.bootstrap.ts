import type { KubeObject } from '#apimachinery';
import { gvr } from '#kinds';
import { REQUEST_HEADERS } from '../authentication/request-header-authenticator.js';
import type { BootstrapOptions } from './bootstrap-options.js';
import { ensureObject, mergeMap } from './ensure-object.js';

/** How this server knows its callers: aggregated API servers read it to know theirs the same way. */
export function authenticationConfig({
  clientCa,
  frontProxyCa,
}: Pick<BootstrapOptions, 'clientCa' | 'frontProxyCa'>): KubeObject {
  const list = (items: readonly string[]) => JSON.stringify(items);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: {
      'client-ca-file': clientCa,
      'requestheader-allowed-names': list(REQUEST_HEADERS.allowedNames),
      'requestheader-client-ca-file': frontProxyCa,
      'requestheader-extra-headers-prefix': list(REQUEST_HEADERS.extraHeaderPrefixes),
      'requestheader-group-headers': list(REQUEST_HEADERS.groupHeaders),
      'requestheader-uid-headers': list(REQUEST_HEADERS.uidHeaders),
      'requestheader-username-headers': list(REQUEST_HEADERS.usernameHeaders),
    },
  };
}

export async function ensureAuthenticationConfig(options: BootstrapOptions): Promise<void> {
  const wanted = authenticationConfig(options);
  await ensureObject(options.client, gvr.configmaps, wanted, (stored) => mergeMap(stored, 'data', wanted['data']));
}
