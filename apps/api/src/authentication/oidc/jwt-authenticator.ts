import type { UserInfo } from '#apimachinery';
import { type CelProgram, cel } from '#cel';
import { EXTRA, withAuthenticatedGroup } from '../../identity/users.js';
import type { TokenAuthenticator, TokenIdentity } from '../token-authenticator.js';
import type { ClaimOrExpression, JwtConfiguration } from './authentication-configuration.js';
import {
  claimVariables,
  compileClaimExpression,
  compileUserExpression,
  evaluate,
  textsOf,
  userVariables,
} from './claim-expressions.js';
import { Claims } from './claims.js';
import type { Issuer } from './issuer.js';

interface Rule {
  readonly program: CelProgram;
  readonly message: string;
}

interface Mapping extends ClaimOrExpression {
  readonly program?: CelProgram;
}

/** Reads the variables of one token's expressions once, and only if there is one. */
type Variables = () => Record<string, unknown>;

/** Tokens of one issuer: whose they are is what the configuration makes of their claims. The configuration is valid. */
export class JwtAuthenticator implements TokenAuthenticator {
  private readonly username: Mapping;
  private readonly groups: Mapping;
  private readonly uid: Mapping;
  private readonly extra: readonly { key: string; program: CelProgram }[];
  private readonly claimRules: readonly Rule[];
  private readonly userRules: readonly Rule[];
  private readonly requiredClaims: readonly (readonly [claim: string, value: string])[];

  /** @param audiences - what this server is called in reviews: tokens are for the issuer's audiences, whoever asks. */
  constructor(
    { claimMappings, claimValidationRules, userValidationRules }: JwtConfiguration,
    readonly issuer: Issuer,
    private readonly audiences: readonly string[],
  ) {
    this.username = mapping(claimMappings.username);
    this.groups = mapping(claimMappings.groups);
    this.uid = mapping(claimMappings.uid);
    this.extra = claimMappings.extra.map(({ key, valueExpression }) => ({
      key,
      program: compileClaimExpression(valueExpression),
    }));
    this.requiredClaims = claimValidationRules
      .filter(({ claim }) => claim !== '')
      .map(({ claim, requiredValue }) => [claim, requiredValue] as const);
    this.claimRules = claimValidationRules
      .filter(({ expression }) => expression !== '')
      .map(({ expression, message }) => ({ program: compileClaimExpression(expression, cel.bool), message }));
    this.userRules = userValidationRules.map(({ expression, message }) => ({
      program: compileUserExpression(expression),
      message,
    }));
  }

  async authenticateToken(token: string, asked: readonly string[]): Promise<TokenIdentity | undefined> {
    const audiences = this.audiences.filter((audience) => asked.includes(audience));
    if (audiences.length === 0 || !this.issuer.claims(token)) return undefined;
    const claims = new Claims(await this.issuer.verify(token));
    const expires = (claims.value('exp') as number) * 1000;
    return { user: withAuthenticatedGroup(this.userOf(claims)), audiences, expires };
  }

  private userOf(claims: Claims): UserInfo {
    let known: Record<string, unknown> | undefined;
    const variables: Variables = () => (known ??= claimVariables(claims.all));
    this.refuseDistributed(claims);
    const name = this.nameOf(claims, variables);
    const groups = this.groupsOf(claims, variables);
    const uid = this.uidOf(claims, variables);
    const extra = this.extraOf(claims, variables);
    const user: UserInfo = {
      name,
      groups,
      ...(uid ? { uid } : undefined),
      ...(Object.keys(extra).length > 0 ? { extra } : undefined),
    };
    this.checkRequired(claims);
    within('oidc: error evaluating claim validation expression', () => checkRules(this.claimRules, variables));
    within('oidc: error evaluating user info validation rule', () =>
      checkRules(this.userRules, () => userVariables(user)),
    );
    return user;
  }

  /** Groups that another server has would be missing without a word: nobody may be let in with less than they have, or more. */
  private refuseDistributed(claims: Claims): void {
    const { claim } = this.groups;
    if (claim === '' || claims.has(claim) || !claims.has('_claim_names')) return;
    const names = claims.value('_claim_names');
    if (typeof names !== 'object' || names === null || !Object.hasOwn(names, claim)) return;
    throw new Error(
      `oidc: could not expand distributed claims: this server reads no distributed claims, and claim "${claim}" is one`,
    );
  }

  private nameOf(claims: Claims, variables: Variables): string {
    const { claim, prefix = '', program } = this.username;
    if (program) {
      const name = within('oidc: error evaluating username claim expression', () => {
        const value = evaluate(program, variables());
        if (typeof value !== 'string') throw new Error('username claim expression must return a string');
        return value;
      });
      if (name === '') throw new Error('oidc: empty username via CEL expression is not allowed');
      return name;
    }
    const name = within(`oidc: parse username claims "${claim}"`, () => {
      const value = claims.text(claim);
      // The reference lets in a user without a name here.
      if (value === '') throw new Error('claim is empty');
      return value;
    });
    if (claim === 'email' && claims.has('email_verified')) {
      const verified = claims.value('email_verified');
      if (typeof verified !== 'boolean' && verified !== null) {
        throw new Error("oidc: parse 'email_verified' claim: json: cannot unmarshal value into Go value of type bool");
      }
      if (!verified) throw new Error('oidc: email not verified');
    }
    return prefix + name;
  }

  private groupsOf(claims: Claims, variables: Variables): string[] {
    const { claim, prefix = '', program } = this.groups;
    if (claim !== '' && claims.has(claim)) {
      const groups = within(`oidc: parse groups claim "${claim}"`, () => claims.texts(claim));
      return groups.map((group) => prefix + group);
    }
    if (!program) return [];
    return within('oidc: error evaluating group claim expression', () => textsOf(evaluate(program, variables())));
  }

  private uidOf(claims: Claims, variables: Variables): string {
    const { claim, program } = this.uid;
    if (claim !== '') return within(`oidc: parse uid claim "${claim}"`, () => claims.text(claim));
    if (!program) return '';
    return within('oidc: error evaluating uid claim expression', () => {
      const value = evaluate(program, variables());
      if (typeof value !== 'string') throw new Error('uid claim expression must return a string');
      return value;
    });
  }

  private extraOf(claims: Claims, variables: Variables): Record<string, string[]> {
    const found = new Map<string, string[]>();
    const id = claims.value('jti');
    if (typeof id === 'string' && id !== '') found.set(EXTRA.credentialId, [`JTI=${id}`]);
    for (const { key, program } of this.extra) {
      const values = within(`oidc: error evaluating extra claim expression: ${program.source}`, () =>
        textsOf(evaluate(program, variables())),
      );
      if (values.length > 0) found.set(key, values);
    }
    return Object.fromEntries(found);
  }

  private checkRequired(claims: Claims): void {
    for (const [claim, wanted] of this.requiredClaims) {
      if (!claims.has(claim)) throw new Error(`oidc: required claim ${claim} not present in ID token`);
      const value = within(`oidc: parse claim ${claim}`, () => claims.text(claim));
      if (value !== wanted) {
        throw new Error(`oidc: required claim ${claim} value does not match. Got = ${value}, want = ${wanted}`);
      }
    }
  }
}

function mapping(from: ClaimOrExpression): Mapping {
  return from.expression === '' ? from : { ...from, program: compileClaimExpression(from.expression) };
}

function checkRules(rules: readonly Rule[], variables: Variables): void {
  for (const { program, message } of rules) {
    if (evaluate(program, variables()) !== true) {
      throw new Error(`validation expression '${program.source}' failed: ${message}`);
    }
  }
}

function within<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`);
  }
}
