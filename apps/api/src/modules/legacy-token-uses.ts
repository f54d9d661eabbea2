import { Inject, Injectable } from '@nestjs/common';
import type { KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr, LAST_USED_LABEL } from '#kinds';
import { MetricsRegistry } from '#telemetry';
import type { LegacyTokenUse } from '../authentication/legacy-token-authenticator.js';
import type { Authentication } from '../authentication/request-authenticator.js';
import { API_SERVER, MASTERS_GROUP } from '../identity/users.js';
import type { ControlPlaneOptions } from './control-plane-options.js';
import { ProcessClients } from './process-clients.js';
import { AUTHENTICATOR, NOW, OPTIONS } from './tokens.js';

const DAY_MS = 24 * 3600 * 1000;

/** Counts uses of the tokens in Secrets, and labels each Secret with the day of the last one. */
@Injectable()
export class LegacyTokenUses {
  private readonly client: Client;
  private readonly writing = new Set<string>();
  private readonly count: (use: LegacyTokenUse) => void;

  constructor(
    @Inject(OPTIONS) private readonly options: ControlPlaneOptions,
    @Inject(AUTHENTICATOR) authentication: Authentication,
    @Inject(ProcessClients) clients: ProcessClients,
    @Inject(MetricsRegistry) metrics: MetricsRegistry,
    @Inject(NOW) private readonly now: () => Date,
  ) {
    this.client = clients.as(API_SERVER, [MASTERS_GROUP]);
    this.count = counters(metrics);
    authentication.legacyTokens.onUse = (secret, use) => this.used(secret, use);
  }

  private used(secret: KubeObject, use: LegacyTokenUse): void {
    this.count(use);
    const today = dayOf(this.now());
    const last = secret.metadata.labels?.[LAST_USED_LABEL];
    // Another replica's clock may be a little ahead.
    if (last === today || last === dayOf(new Date(this.now().getTime() + DAY_MS))) return;
    void this.label(secret, today);
  }

  /** The request does not wait for it. */
  private async label({ metadata }: KubeObject, today: string): Promise<void> {
    const { uid, namespace, name } = metadata;
    if (this.writing.has(uid!)) return;
    this.writing.add(uid!);
    try {
      const patch = { metadata: { uid, labels: { [LAST_USED_LABEL]: today } } };
      await this.client.patch(gvr.secrets, namespace!, name!, 'application/merge-patch+json', patch);
    } catch (error) {
      this.options.logger.warn('cannot label the Secret of a token with its last use', { namespace, name, error });
    } finally {
      this.writing.delete(uid!);
    }
  }
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** Upstream's counters of tokens in Secrets. */
function counters(metrics: MetricsRegistry): (use: LegacyTokenUse) => void {
  const cell = (name: string, help: string) => metrics.counter({ name, help }).cell();
  const all = cell('serviceaccount_legacy_tokens_total', 'Uses of tokens of ServiceAccounts that Secrets hold.');
  const uses = {
    auto: cell('serviceaccount_legacy_auto_token_uses_total', 'Uses of tokens in Secrets that their accounts list.'),
    manual: cell('serviceaccount_legacy_manual_token_uses_total', 'Uses of tokens in Secrets that were made by hand.'),
    invalid: cell(
      'serviceaccount_invalid_legacy_auto_token_uses_total',
      'Uses of tokens in Secrets that are marked as invalid.',
    ),
  };
  return (use) => {
    all.value++;
    uses[use].value++;
  };
}
