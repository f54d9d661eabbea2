import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { aggregateMessages, fieldErrorText } from '#apimachinery';
import type { Logger } from '#client';
import { ConfigurationError } from '../../configuration/configuration-object.js';
import { followFile } from '../../configuration/followed-file.js';
import type { ReloadMetrics } from '../../configuration/reload-metrics.js';
import type { TokenAuthenticator } from '../token-authenticator.js';
import {
  type AnonymousConfiguration,
  type AuthenticationConfiguration,
  readAuthenticationConfiguration,
} from './authentication-configuration.js';
import { checkAuthenticationConfiguration } from './authentication-configuration.validation.js';
import { SIGNING_ALGORITHMS } from './issuer.js';
import { JwtAuthenticators, type JwtOptions } from './jwt-authenticators.js';
import { jwtOfFlags, type OidcFlags } from './oidc-flags.js';

/** How long the issuers of a new configuration may take until they can be used. */
const HEALTHY_WITHIN_MS = 60_000;
/** Requests that began with the issuers of the old one are done by then. */
const OLD_ISSUERS_END_MS = 60_000;

export interface ConfiguredAuthenticationOptions {
  /** --authentication-config; '': the flags say who the issuers are. */
  file: string;
  /** Absent: no issuer is named by flags. */
  oidc?: OidcFlags;
  /** --anonymous-auth; undefined: it was not given. */
  anonymous?: boolean;
  /** Default true. */
  anonymousByDefault?: boolean;
  /** Issuers of this cluster's own tokens, which nobody else may be. */
  ownIssuers: readonly string[];
  jwt: Omit<JwtOptions, 'algorithms'>;
  logger: Logger;
  reloads: ReloadMetrics;
  signal: AbortSignal;
  lookMs?: number;
  healthyWithinMs?: number;
  /** An issuer is configured no more, and nothing of it runs. */
  onForgotten?(url: string): void;
}

/** The issuers of tokens, and who may be anonymous, as flags or a file say it. The file is followed: what is wrong in it changes nothing. */
export class ConfiguredAuthentication implements TokenAuthenticator {
  private constructor(
    readonly anonymous: AnonymousConfiguration,
    private readonly options: ConfiguredAuthenticationOptions,
    private readonly algorithms: readonly string[],
    private current: JwtAuthenticators,
  ) {
    options.signal.addEventListener('abort', () => this.current.close(), { once: true });
  }

  /** Rejects when the configuration cannot be used. An issuer that does not answer is no reason: its tokens are refused until it does. */
  static async open(options: ConfiguredAuthenticationOptions): Promise<ConfiguredAuthentication> {
    const { file, oidc, logger, reloads, signal, lookMs } = options;
    const text = file === '' ? '' : await textOf(file);
    const configuration: AuthenticationConfiguration =
      file === '' ? { jwt: oidc ? [await jwtOfFlags(oidc)] : [] } : await readAuthenticationConfiguration(file, text);
    if (configuration.anonymous && options.anonymous !== undefined) {
      throw new ConfigurationError(
        'anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file',
      );
    }
    const problems = checkAuthenticationConfiguration(configuration, options.ownIssuers);
    if (problems.length > 0) {
      const all = aggregateMessages(problems.map(fieldErrorText));
      throw new ConfigurationError(`invalid authentication configuration: ${all}`);
    }
    const anonymous = configuration.anonymous ?? {
      // Where everybody may do anything, no flag lets those in who do not say who they are.
      enabled: (options.anonymous ?? true) && (options.anonymousByDefault ?? true),
      conditions: [],
    };
    const algorithms = file === '' && oidc ? oidc.signingAlgorithms : SIGNING_ALGORITHMS;
    const first = new JwtAuthenticators(configuration.jwt, { ...options.jwt, algorithms });
    const own = new ConfiguredAuthentication(anonymous, options, algorithms, first);
    if (file !== '') {
      reloads.inUse(text);
      void own.follow(text, configuration.anonymous, lookMs).catch((error) => {
        if (!signal.aborted) logger.error('authentication configuration is not followed any more', { error });
      });
    }
    return own;
  }

  authenticateToken(token: string, audiences: readonly string[]) {
    return this.current.authenticateToken(token, audiences);
  }

  private follow(first: string, anonymous: AnonymousConfiguration | undefined, lookMs: number | undefined) {
    const { file, logger, reloads, signal } = this.options;
    let settled = first;
    const check = async (text: string | Error) => {
      if (text === settled) return;
      try {
        if (text instanceof Error) throw text;
        const next = await this.read(text, anonymous).catch((error) => {
          // This text will never do, so that it is not looked at again.
          settled = text;
          throw error;
        });
        await this.replace(next);
        settled = text;
        reloads.reloaded(text);
        logger.info('reloaded authentication config', { issuers: this.current.issuers });
      } catch (error) {
        if (signal.aborted) return;
        reloads.failed();
        logger.error('failed to reload authentication config', { file, error: (error as Error).message });
      }
    };
    return followFile(file, check, { signal, lookMs });
  }

  private async read(
    text: string,
    anonymous: AnonymousConfiguration | undefined,
  ): Promise<AuthenticationConfiguration> {
    const next = await readAuthenticationConfiguration(this.options.file, text);
    const problems = checkAuthenticationConfiguration(next, this.options.ownIssuers).map(fieldErrorText);
    if (!isDeepStrictEqual(next.anonymous, anonymous)) {
      problems.push('anonymous: Forbidden: changed from initial configuration file');
    }
    if (problems.length > 0) throw new ConfigurationError(aggregateMessages(problems));
    return next;
  }

  private async replace({ jwt }: AuthenticationConfiguration): Promise<void> {
    const { healthyWithinMs = HEALTHY_WITHIN_MS, onForgotten } = this.options;
    const next = new JwtAuthenticators(jwt, { ...this.options.jwt, algorithms: this.algorithms });
    const stop = () => next.close();
    this.options.signal.addEventListener('abort', stop, { once: true });
    try {
      await next.healthy(healthyWithinMs);
    } catch (error) {
      next.close();
      throw error;
    } finally {
      this.options.signal.removeEventListener('abort', stop);
    }
    const old = this.current;
    this.current = next;
    const timer = setTimeout(() => {
      old.close();
      for (const url of old.issuers) if (!this.current.issuers.includes(url)) onForgotten?.(url);
    }, OLD_ISSUERS_END_MS);
    timer.unref();
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(
      `failed to load authentication configuration from file ${JSON.stringify(file)}: ${(error as Error).message}`,
    );
  }
}
