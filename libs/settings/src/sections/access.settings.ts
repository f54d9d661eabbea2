import { parseDuration } from '#apimachinery';
import { EachItem, IsOneOf, IsSwitch, IsText, Parses } from '../constraints.js';
import { SwitchSetting, TextSetting } from '../setting.js';

export const OIDC_SIGNING_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512'],
  ...['ES256', 'ES384', 'ES512'],
  ...['PS256', 'PS384', 'PS512'],
] as const;
const REVIEW_VERSIONS = ['v1', 'v1beta1'] as const;

const PROGRAMS = { up: true, server: true } as const;
const ABSOLUTE = [/^(?:\/|$)/, 'must be an absolute path'] as const;

function checkDuration(text: string): void {
  if (text !== '' && parseDuration(text) < 0) throw new Error(`must not be negative: got ${text}`);
}

/**
 * Who may come in, and what they may do: the reference's flags. Where a file excludes flags, the default of a flag is '', which
 * `otherwise` explains: a flag that was given can be told from one that was not.
 */
export class AccessSettings {
  @IsText(...ABSOLUTE)
  @TextSetting({
    help: 'file of the kind AuthenticationConfiguration: issuers of tokens, and who may be anonymous',
    argument: 'FILE',
    default: '',
    programs: PROGRAMS,
  })
  authenticationConfig!: string;

  @IsSwitch()
  @SwitchSetting({
    help: 'let requests without credentials in, as system:anonymous',
    otherwise: 'true',
    programs: PROGRAMS,
  })
  anonymousAuth?: boolean;

  @TextSetting({
    help: 'HTTPS URL of an OpenID Connect issuer; needs --oidc-client-id',
    argument: 'URL',
    default: '',
    programs: PROGRAMS,
  })
  oidcIssuerUrl!: string;

  @TextSetting({
    help: 'audience that tokens of the issuer must have',
    argument: 'NAME',
    default: '',
    programs: PROGRAMS,
  })
  oidcClientId!: string;

  @IsText(...ABSOLUTE)
  @TextSetting({
    help: 'file with the authorities of the issuer, PEM',
    argument: 'FILE',
    default: '',
    otherwise: 'the authorities that Node comes with',
    programs: PROGRAMS,
  })
  oidcCaFile!: string;

  @TextSetting({
    help: 'claim that is the name of the user',
    argument: 'CLAIM',
    default: '',
    otherwise: 'sub',
    programs: PROGRAMS,
  })
  oidcUsernameClaim!: string;

  @TextSetting({
    help: 'prefix of user names; - for none',
    argument: 'TEXT',
    default: '',
    otherwise: 'the issuer and #, unless the claim is email',
    programs: PROGRAMS,
  })
  oidcUsernamePrefix!: string;

  @TextSetting({ help: 'claim that has the groups of the user', argument: 'CLAIM', default: '', programs: PROGRAMS })
  oidcGroupsClaim!: string;

  @TextSetting({ help: 'prefix of groups', argument: 'TEXT', default: '', programs: PROGRAMS })
  oidcGroupsPrefix!: string;

  @EachItem(
    (item) => (OIDC_SIGNING_ALGORITHMS as readonly string[]).includes(item),
    `must be some of ${OIDC_SIGNING_ALGORITHMS.join(', ')}`,
  )
  @TextSetting({
    help: `algorithms that may sign tokens: ${OIDC_SIGNING_ALGORITHMS.join(', ')}`,
    argument: 'LIST',
    default: '',
    otherwise: 'RS256',
    list: true,
    programs: PROGRAMS,
  })
  oidcSigningAlgs!: string;

  @EachItem((item) => /^[^=]+=/.test(item), 'must be some of CLAIM=VALUE')
  @TextSetting({
    help: 'claims that a token must have, as CLAIM=VALUE',
    argument: 'LIST',
    default: '',
    list: true,
    programs: PROGRAMS,
  })
  oidcRequiredClaim!: string;

  @IsText(...ABSOLUTE)
  @TextSetting({
    help: 'kubeconfig of the webhook that is asked whose a token is',
    argument: 'FILE',
    default: '',
    programs: PROGRAMS,
  })
  authenticationTokenWebhookConfigFile!: string;

  @IsOneOf(REVIEW_VERSIONS)
  @TextSetting({
    help: 'version of the TokenReviews that it gets: v1, v1beta1',
    argument: 'VERSION',
    default: 'v1beta1',
    programs: PROGRAMS,
  })
  authenticationTokenWebhookVersion!: (typeof REVIEW_VERSIONS)[number];

  @Parses(checkDuration)
  @TextSetting({
    help: 'how long an answer of it is remembered',
    argument: 'DURATION',
    default: '2m0s',
    programs: PROGRAMS,
  })
  authenticationTokenWebhookCacheTtl!: string;

  @IsText(...ABSOLUTE)
  @TextSetting({
    help: 'file of the kind AuthorizationConfiguration: the authorizers, in their order',
    argument: 'FILE',
    default: '',
    programs: PROGRAMS,
  })
  authorizationConfig!: string;

  @TextSetting({
    help: 'authorizers in their order: AlwaysAllow, AlwaysDeny, Node, RBAC, Webhook',
    argument: 'LIST',
    default: '',
    otherwise: 'Node,RBAC',
    list: true,
    programs: PROGRAMS,
  })
  authorizationMode!: string;

  @IsText(...ABSOLUTE)
  @TextSetting({
    help: 'kubeconfig of the webhook of the mode Webhook',
    argument: 'FILE',
    default: '',
    programs: PROGRAMS,
  })
  authorizationWebhookConfigFile!: string;

  @IsOneOf(['', ...REVIEW_VERSIONS])
  @TextSetting({
    help: 'version of the SubjectAccessReviews that it gets: v1, v1beta1',
    argument: 'VERSION',
    default: '',
    otherwise: 'v1beta1',
    programs: PROGRAMS,
  })
  authorizationWebhookVersion!: '' | (typeof REVIEW_VERSIONS)[number];

  @Parses(checkDuration)
  @TextSetting({
    help: 'how long it is remembered that it allowed a request',
    argument: 'DURATION',
    default: '',
    otherwise: '5m0s',
    programs: PROGRAMS,
  })
  authorizationWebhookCacheAuthorizedTtl!: string;

  @Parses(checkDuration)
  @TextSetting({
    help: 'the same of a request that it did not allow',
    argument: 'DURATION',
    default: '',
    otherwise: '30s',
    programs: PROGRAMS,
  })
  authorizationWebhookCacheUnauthorizedTtl!: string;
}
