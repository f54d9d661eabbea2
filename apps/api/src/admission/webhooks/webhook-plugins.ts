import type { Logger } from '#client';
import type { ResourceCatalog } from '#kinds';
import type { MetricsRegistry } from '#telemetry';
import type { Authorizer } from '../../authorization/authorizer.js';
import type { Lister } from '../../storage/lister.js';
import type { Store } from '../../storage/store.js';
import type { WebhookClient } from '../../webhook-client/webhook-client.js';
import type { AdmissionPlugin } from '../admission-request.js';
import { MutatingAdmissionWebhook } from './mutating-admission-webhook.js';
import { ValidatingAdmissionWebhook } from './validating-admission-webhook.js';
import type { WebhookContext } from './webhook-caller.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { WebhookSource } from './webhook-source.js';

/** The two plugins that call webhooks. */
export interface WebhookPlugins {
  mutating: AdmissionPlugin;
  validating: AdmissionPlugin;
}

export interface WebhookPluginOptions {
  store: Pick<Store, 'cache'>;
  lister: Lister;
  authorizer: Authorizer;
  catalog: ResourceCatalog;
  metrics: MetricsRegistry;
  client: Pick<WebhookClient, 'call'>;
  log: Pick<Logger, 'warn'>;
  /** Ends the following of the configurations. */
  signal: AbortSignal;
}

/** Their configurations are those in the store, from the moment at which this server sees them. */
export function createWebhookPlugins({ store, metrics, signal, ...given }: WebhookPluginOptions): WebhookPlugins {
  const context: WebhookContext = { ...given, metrics: new WebhookMetrics(metrics) };
  const sourceOf = (plural: string) => new WebhookSource(given.catalog).follow(store, plural, signal);
  return {
    mutating: new MutatingAdmissionWebhook(sourceOf('mutatingwebhookconfigurations'), context),
    validating: new ValidatingAdmissionWebhook(sourceOf('validatingwebhookconfigurations'), context),
  };
}
