import { isConflict, isNotFound } from '#apimachinery';
import { objectKey, splitKey } from '#client';
import { gvr, type Secret, type ServiceAccount } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { filledSecret, ownerOf, secretsOf, type TokenOwner, tokenSecrets } from './token-secrets.js';

/** As upstream's: it needs what no ServiceAccount of a controller may. */
const IDENTITY = 'system:kube-controller-manager';

/** Fills Secrets for tokens of ServiceAccounts, and deletes those whose account is gone. */
export function serviceAccountTokenController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'tokens-controller');
  const { informers, options } = runtime;
  const client = context.clientFor(IDENTITY);
  const secrets = tokenSecrets(informers);
  const accounts = informers.for<ServiceAccount>(gvr.serviceaccounts);
  /** Whose a Secret was, until its account has been looked at. */
  const deleted = new Map<string, TokenOwner>();

  /** The account that the Secret names; a cache that is late is not believed. */
  async function accountOf(namespace: string, { name, uid }: TokenOwner): Promise<ServiceAccount | undefined> {
    const fits = (account: ServiceAccount | undefined) =>
      account && (uid === undefined || account.metadata.uid === uid) ? account : undefined;
    const cached = fits(accounts.get(namespace, name));
    if (cached) return cached;
    try {
      return fits(await client.get<ServiceAccount>(gvr.serviceaccounts, namespace, name));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function fill(secret: Secret, account: ServiceAccount): Promise<void> {
    const { namespace, name, uid } = account.metadata;
    const token = { namespace: namespace!, account: name!, accountUid: uid!, secret: secret.metadata.name! };
    const owner = { name: name!, uid: uid! };
    const filled = filledSecret(secret, owner, options.rootCA, () => options.secretToken!(token));
    if (filled) await client.update<Secret>(gvr.secrets, namespace!, filled);
  }

  async function remove({ metadata: { namespace, name, uid } }: Secret): Promise<void> {
    try {
      await client.delete(gvr.secrets, namespace!, name!, { preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** Takes a Secret that is gone out of its account's list. */
  async function unlist(key: string): Promise<void> {
    const { namespace, name } = splitKey(key);
    const owner = deleted.get(key);
    const account = owner && accounts.get(namespace, owner.name);
    const listed = account?.secrets?.some((reference) => reference.name === name);
    if (account && listed && (owner.uid === undefined || owner.uid === account.metadata.uid)) {
      const kept = account.secrets!.filter((reference) => reference.name !== name);
      await client.update<ServiceAccount>(gvr.serviceaccounts, namespace, { ...account, secrets: kept });
    }
    deleted.delete(key);
  }

  const keysOf = ({ metadata }: ServiceAccount) =>
    secretsOf(secrets, metadata.namespace!, metadata.name!).map(objectKey);

  return controller('serviceaccount-token-controller', runtime)
    .for<Secret>(secrets, {
      observe: {
        add: (secret) => void deleted.delete(objectKey(secret)),
        delete: (secret) => void deleted.set(objectKey(secret), ownerOf(secret)),
      },
    })
    .watches<ServiceAccount>(gvr.serviceaccounts, {
      update: (old, account) => (old.metadata.uid === account.metadata.uid ? undefined : keysOf(account)),
      delete: keysOf,
    })
    .reconcile(async (key) => {
      const secret = secrets.getByKey(key);
      if (!secret) {
        await unlist(key);
        return undefined;
      }
      const owner = ownerOf(secret);
      if (owner.name === '' || secret.metadata.deletionTimestamp || !options.secretToken) return undefined;
      const account = await accountOf(secret.metadata.namespace!, owner);
      if (account) await fill(secret, account);
      else await remove(secret);
      return undefined;
    });
}
