import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { aggregateMessages } from '#apimachinery';
import { ConfigurationError } from '../../configuration/configuration-object.js';
import { followFile } from '../../configuration/followed-file.js';
import type { ReloadMetrics } from '../../configuration/reload-metrics.js';
import { AuthorizerChain, type ChainedAuthorizer, constantLink, nodeLink, rbacLink } from '../authorizer-chain.js';
import type { NodeAuthorizer } from '../node-authorizer.js';
import type { RbacAuthorizer } from '../rbac-authorizer.js';
import {
  type AuthorizationConfiguration,
  type AuthorizationModes,
  configurationOfModes,
  readAuthorizationConfiguration,
} from './authorization-configuration.js';
import { checkAuthorizationConfiguration } from './authorization-configuration.validation.js';
import { WebhookAuthorizer, type WebhookAuthorizerOptions } from './webhook-authorizer.js';

/** Requests that began with the webhooks of the old configuration are done by then. */
const OLD_WEBHOOKS_END_MS = 60_000;

export interface ConfiguredAuthorizationOptions extends WebhookAuthorizerOptions {
  /** --authorization-config; '': the modes say it. */
  file: string;
  modes: AuthorizationModes;
  node: NodeAuthorizer;
  rbac: RbacAuthorizer;
  reloads: ReloadMetrics;
  lookMs?: number;
}

/** The authorizers that flags or a file name. The file is followed: what is wrong in it changes nothing. Rejects when it cannot be used. */
export async function configuredAuthorization(options: ConfiguredAuthorizationOptions): Promise<AuthorizerChain> {
  const { file, modes, rbac, reloads, signal, logger } = options;
  const text = file === '' ? '' : await textOf(file);
  const configuration = file === '' ? configurationOfModes(modes) : await readAuthorizationConfiguration(file, text);
  refuse(file || '--authorization-mode', checkAuthorizationConfiguration(configuration));
  const links = linksOf(configuration, options);
  const chain = new AuthorizerChain(rbac, links);
  let webhooks = webhooksIn(links);
  signal.addEventListener('abort', () => closeAll(webhooks), { once: true });
  if (file === '') return chain;

  reloads.inUse(text);
  // What was not started with the server cannot be asked later, and what was must be.
  const required = configuration.authorizers.map(({ type }) => type).filter((type) => type !== 'Webhook');
  let read = text;
  let current = configuration;
  const check = async (next: string | Error) => {
    if (next === read) return;
    try {
      if (next instanceof Error) throw next;
      read = next;
      const changed = await readAuthorizationConfiguration(file, next);
      refuse(file, checkAuthorizationConfiguration(changed, required));
      refuse(file, added(changed, required));
      if (isDeepStrictEqual(changed, current)) return;
      const newLinks = linksOf(changed, options);
      chain.replace(newLinks);
      closeLater(webhooks);
      webhooks = webhooksIn(newLinks);
      current = changed;
      reloads.reloaded(next);
      logger.info('reloaded authz config', { authorizers: changed.authorizers.map(({ name }) => name) });
    } catch (error) {
      reloads.failed();
      logger.error('failed to reload authorization config', { file, error: (error as Error).message });
    }
  };
  followFile(file, check, { signal, lookMs: options.lookMs }).catch((error) => {
    if (!signal.aborted) logger.error('authorization configuration is not followed any more', { error });
  });
  return chain;
}

/** Node and RBAC are asked only if they were from the start. */
function added({ authorizers }: AuthorizationConfiguration, required: readonly string[]): string[] {
  return authorizers
    .filter(({ type }) => (type === 'Node' || type === 'RBAC') && !required.includes(type))
    .map(({ type }) => `authorizer type ${type} is not allowed if it was not enabled at initial server startup`);
}

function refuse(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new ConfigurationError(`${what}: ${aggregateMessages(problems)}`);
}

function linksOf(
  { authorizers }: AuthorizationConfiguration,
  options: ConfiguredAuthorizationOptions,
): ChainedAuthorizer[] {
  return authorizers.map(({ type, name, webhook }) => {
    if (webhook) return new WebhookAuthorizer(name, webhook, options);
    const counter = options.metrics.counter(type, name);
    switch (type) {
      case 'Node':
        return nodeLink(options.node, counter);
      case 'RBAC':
        return rbacLink(options.rbac, counter);
      default:
        return constantLink(type === 'AlwaysAllow', counter);
    }
  });
}

function webhooksIn(links: readonly ChainedAuthorizer[]): WebhookAuthorizer[] {
  return links.filter((link): link is WebhookAuthorizer => link instanceof WebhookAuthorizer);
}

function closeAll(webhooks: readonly WebhookAuthorizer[]): void {
  for (const webhook of webhooks) webhook.close();
}

function closeLater(webhooks: readonly WebhookAuthorizer[]): void {
  if (webhooks.length > 0) setTimeout(() => closeAll(webhooks), OLD_WEBHOOKS_END_MS).unref();
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`failed to load AuthorizationConfiguration from file: ${(error as Error).message}`);
  }
}
