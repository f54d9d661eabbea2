import { ownValue } from '#apimachinery';
import type { Informer, SharedInformers } from '#client';
import { gvr, type Secret } from '#kinds';

/** The Secrets that hold tokens of ServiceAccounts, and whose each is. */

const NAME = 'kubernetes.io/service-account.name';
const UID = 'kubernetes.io/service-account.uid';
const BY_ACCOUNT = 'account';

export interface TokenOwner {
  name: string;
  /** Undefined until the Secret has its token. */
  uid?: string;
}

export function tokenSecrets(informers: SharedInformers): Informer<Secret> {
  const fieldSelector = 'type=kubernetes.io/service-account-token';
  const secrets = informers.for<Secret>(gvr.secrets, { fieldSelector });
  secrets.addIndex(BY_ACCOUNT, (secret) => [`${secret.metadata.namespace}/${ownerOf(secret).name}`]);
  return secrets;
}

export function secretsOf(secrets: Informer<Secret>, namespace: string, account: string): Secret[] {
  return secrets.byIndex(BY_ACCOUNT, `${namespace}/${account}`);
}

export function ownerOf({ metadata: { annotations } }: Secret): TokenOwner {
  return { name: annotations?.[NAME] ?? '', uid: annotations?.[UID] || undefined };
}

/** The Secret with what it lacks; undefined when it lacks nothing. `token` is asked for at most once. */
export function filledSecret(
  secret: Secret,
  owner: Required<TokenOwner>,
  rootCA: string,
  token: () => string,
): Secret | undefined {
  const { namespace } = secret.metadata;
  const data: Record<string, string> = { ...secret.data };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  if (rootCA !== '' && ownValue(data, 'ca.crt') !== base64(rootCA)) data['ca.crt'] = base64(rootCA);
  if (!ownValue(data, 'namespace')) data['namespace'] = base64(namespace!);
  if (!ownValue(data, 'token')) data['token'] = base64(token());
  const keys = ['ca.crt', 'namespace', 'token'];
  if (keys.every((key) => ownValue(data, key) === ownValue(secret.data ?? {}, key))) return undefined;
  const annotations = { ...secret.metadata.annotations, [NAME]: owner.name, [UID]: owner.uid };
  return { ...secret, metadata: { ...secret.metadata, annotations }, data };
}
