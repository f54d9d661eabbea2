import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../../configuration/configuration-object.js';
import type { JwtConfiguration } from './authentication-configuration.js';

/** The flags --oidc-*: one issuer, as it was configured before there was a file for it. */
export interface OidcFlags {
  issuerUrl: string;
  clientId: string;
  caFile: string;
  usernameClaim: string;
  /** '-': none; '': the issuer and #, but for the claim email. */
  usernamePrefix: string;
  groupsClaim: string;
  groupsPrefix: string;
  signingAlgorithms: readonly string[];
  requiredClaims: readonly (readonly [claim: string, value: string])[];
}

/** Rejects when the file of the authority cannot be read. */
export async function jwtOfFlags(flags: OidcFlags): Promise<JwtConfiguration> {
  const { issuerUrl, clientId, usernameClaim, groupsClaim, groupsPrefix, requiredClaims } = flags;
  return {
    issuer: {
      url: issuerUrl,
      discoveryURL: '',
      certificateAuthority: flags.caFile === '' ? '' : await authorityOf(flags.caFile),
      audiences: [clientId],
      audienceMatchPolicy: '',
      egressSelectorType: '',
    },
    claimMappings: {
      username: { claim: usernameClaim, expression: '', prefix: usernamePrefix(flags) },
      groups:
        groupsClaim === ''
          ? { claim: '', expression: '' }
          : { claim: groupsClaim, expression: '', prefix: groupsPrefix },
      uid: { claim: '', expression: '' },
      extra: [],
    },
    claimValidationRules: requiredClaims.map(([claim, requiredValue]) => ({
      ...{ claim, requiredValue },
      ...{ expression: '', message: '' },
    })),
    userValidationRules: [],
  };
}

function usernamePrefix({ issuerUrl, usernameClaim, usernamePrefix: prefix }: OidcFlags): string {
  if (prefix === '-') return '';
  if (prefix === '' && usernameClaim !== 'email') return `${issuerUrl}#`;
  return prefix;
}

async function authorityOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`--oidc-ca-file: ${(error as Error).message}`);
  }
}
