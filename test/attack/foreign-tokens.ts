import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type IssuerServer, issuerServer } from '../../apps/api/src/authentication/oidc/testing/issuer-server.js';
import { webhookKubeconfig } from '../../apps/api/src/webhook-client/testing/webhook-kubeconfig.js';
import { type WebhookServer, webhookServer } from '../../apps/api/src/webhook-client/testing/webhook-server.js';

const NO_SYSTEM_NAMES = {
  expression: "!user.username.startsWith('system:') && user.groups.all(group, !group.startsWith('system:'))",
  message: 'names of the system are reserved',
};

/** Those whom the server asks about tokens that are not its own, in the hands of the attackers where a row says so. */
export class ForeignTokens {
  private constructor(
    readonly issuer: IssuerServer,
    /** Answers every request with what is no answer. */
    readonly rubbish: IssuerServer,
    /** Takes requests and never answers. */
    readonly silent: IssuerServer,
    readonly webhook: WebhookServer,
  ) {}

  static async start(): Promise<ForeignTokens> {
    const [issuer, rubbish, silent] = [await issuerServer(), await issuerServer(), await issuerServer()];
    rubbish.intercept = (_, response) => Boolean(response.end('<html>'));
    silent.intercept = () => true;
    const webhook = await webhookServer();
    webhook.handle = () => ({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status: {} });
    return new ForeignTokens(issuer, rubbish, silent, webhook);
  }

  /** Flags of a server that asks them; what they need is written into the folder. */
  async flags(folder: string): Promise<Record<string, string>> {
    const jwt = [this.issuer, this.rubbish, this.silent].map(({ url, ca }) => ({
      issuer: { url, audiences: ['berth'], certificateAuthority: ca },
      // Nothing stands before the names: the rule alone keeps those of the system.
      claimMappings: { username: { claim: 'sub', prefix: '' }, groups: { claim: 'groups', prefix: '' } },
      userValidationRules: [NO_SYSTEM_NAMES],
    }));
    const file = join(folder, 'authentication.json');
    const head = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration' };
    writeFileSync(file, JSON.stringify({ ...head, jwt }), { mode: 0o600 });
    return {
      'authentication-config': file,
      'authentication-token-webhook-config-file': await webhookKubeconfig(join(folder, 'webhook'), this.webhook),
      'authentication-token-webhook-version': 'v1',
      'authentication-token-webhook-cache-ttl': '0s',
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.issuer, this.rubbish, this.silent, this.webhook].map((server) => server.close()));
  }
}
