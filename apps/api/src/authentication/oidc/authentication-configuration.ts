import { ConfigurationObject } from '../../configuration/configuration-object.js';
import { parseConfiguration } from '../../configuration/configuration-text.js';

/** AuthenticationConfiguration of apiserver.config.k8s.io: its fields, and '' for a text that is absent. */
export interface AuthenticationConfiguration {
  jwt: readonly JwtConfiguration[];
  anonymous?: AnonymousConfiguration;
}

export interface AnonymousConfiguration {
  enabled: boolean;
  conditions: readonly { path: string }[];
}

export interface JwtConfiguration {
  issuer: IssuerConfiguration;
  claimValidationRules: readonly ClaimValidationRule[];
  claimMappings: ClaimMappings;
  userValidationRules: readonly UserValidationRule[];
}

export interface IssuerConfiguration {
  url: string;
  discoveryURL: string;
  /** PEM; '': the roots that Node comes with. */
  certificateAuthority: string;
  audiences: readonly string[];
  audienceMatchPolicy: string;
  egressSelectorType: string;
}

export interface ClaimValidationRule {
  claim: string;
  requiredValue: string;
  expression: string;
  message: string;
}

export interface UserValidationRule {
  expression: string;
  message: string;
}

export interface ClaimMappings {
  username: ClaimOrExpression;
  groups: ClaimOrExpression;
  uid: ClaimOrExpression;
  extra: readonly { key: string; valueExpression: string }[];
}

export interface ClaimOrExpression {
  claim: string;
  expression: string;
  prefix?: string;
}

const VERSIONS = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);
const ISSUER = [
  ...['url', 'discoveryURL', 'certificateAuthority', 'audiences', 'audienceMatchPolicy'],
  'egressSelectorType',
];

/** Reads the text of --authentication-config. `path` is how messages begin. Rejects with ConfigurationError. */
export async function readAuthenticationConfiguration(
  path: string,
  text: string,
): Promise<AuthenticationConfiguration> {
  const value = await parseConfiguration(path, text);
  const file = ConfigurationObject.ofKind(path, value, VERSIONS, 'AuthenticationConfiguration', ['jwt', 'anonymous']);
  const anonymous = file.object('anonymous', ['enabled', 'conditions']);
  return {
    jwt: file
      .objects('jwt', ['issuer', 'claimValidationRules', 'claimMappings', 'userValidationRules'])
      .map(jwtConfiguration),
    anonymous: anonymous && {
      enabled: anonymous.truth('enabled') ?? false,
      conditions: anonymous.objects('conditions', ['path']).map((item) => ({ path: item.text('path') ?? '' })),
    },
  };
}

function jwtConfiguration(item: ConfigurationObject): JwtConfiguration {
  const issuer = item.object('issuer', ISSUER);
  const mappings = item.object('claimMappings', ['username', 'groups', 'uid', 'extra']);
  return {
    issuer: {
      url: issuer?.text('url') ?? '',
      discoveryURL: issuer?.text('discoveryURL') ?? '',
      certificateAuthority: issuer?.text('certificateAuthority') ?? '',
      audiences: issuer?.texts('audiences') ?? [],
      audienceMatchPolicy: issuer?.text('audienceMatchPolicy') ?? '',
      egressSelectorType: issuer?.text('egressSelectorType') ?? '',
    },
    claimValidationRules: item
      .objects('claimValidationRules', ['claim', 'requiredValue', 'expression', 'message'])
      .map((rule) => ({
        claim: rule.text('claim') ?? '',
        requiredValue: rule.text('requiredValue') ?? '',
        expression: rule.text('expression') ?? '',
        message: rule.text('message') ?? '',
      })),
    claimMappings: {
      username: claimOrExpression(mappings?.object('username', ['claim', 'prefix', 'expression'])),
      groups: claimOrExpression(mappings?.object('groups', ['claim', 'prefix', 'expression'])),
      uid: claimOrExpression(mappings?.object('uid', ['claim', 'expression'])),
      extra: (mappings?.objects('extra', ['key', 'valueExpression']) ?? []).map((extra) => ({
        key: extra.text('key') ?? '',
        valueExpression: extra.text('valueExpression') ?? '',
      })),
    },
    userValidationRules: item.objects('userValidationRules', ['expression', 'message']).map((rule) => ({
      expression: rule.text('expression') ?? '',
      message: rule.text('message') ?? '',
    })),
  };
}

function claimOrExpression(mapping: ConfigurationObject | undefined): ClaimOrExpression {
  return {
    claim: mapping?.text('claim') ?? '',
    expression: mapping?.text('expression') ?? '',
    // A field of uid cannot be there: it is read strictly.
    prefix: mapping?.text('prefix'),
  };
}
