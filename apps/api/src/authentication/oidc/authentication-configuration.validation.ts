import { appendAll, domainPrefixedPathProblems, type FieldError, field } from '#apimachinery';
import { type CelProgram, cel } from '#cel';
import type {
  AuthenticationConfiguration,
  ClaimMappings,
  ClaimOrExpression,
  ClaimValidationRule,
  JwtConfiguration,
  UserValidationRule,
} from './authentication-configuration.js';
import { compileClaimExpression, compileUserExpression } from './claim-expressions.js';
import { checkIssuer } from './issuer.validation.js';

const MAX_ISSUERS = 64;

/** What is wrong, in the words and the order of the reference. `disallowed`: the issuers of this cluster's own tokens. */
export function checkAuthenticationConfiguration(
  { jwt, anonymous }: AuthenticationConfiguration,
  disallowed: readonly string[],
): FieldError[] {
  if (jwt.length > MAX_ISSUERS) return [field.tooMany('jwt', jwt.length, MAX_ISSUERS)];
  const errors: FieldError[] = [];
  const urls = new Set<string>();
  const discoveryUrls = new Set<string>();
  for (const [i, item] of jwt.entries()) {
    const { url, discoveryURL } = item.issuer;
    appendAll(errors, new JwtCheck(`jwt[${i}]`).check(item, disallowed));
    if (urls.has(url)) errors.push(field.duplicate(`jwt[${i}].issuer.url`, url));
    urls.add(url);
    if (discoveryURL === '') continue;
    if (discoveryUrls.has(discoveryURL)) {
      errors.push(field.duplicate(`jwt[${i}].issuer.discoveryURL`, discoveryURL));
    }
    discoveryUrls.add(discoveryURL);
  }
  if (anonymous && !anonymous.enabled && anonymous.conditions.length > 0) {
    const detail = 'enabled should be set to true when conditions are defined';
    errors.push(field.invalid('anonymous.conditions', anonymous.conditions, detail));
  }
  return errors;
}

/** The checks of one entry of `jwt`. An email is a name only where somebody asks whether it is verified. */
class JwtCheck {
  private readonly errors: FieldError[] = [];
  private usesEmail = false;
  private usesEmailVerified = false;

  constructor(private readonly path: string) {}

  check(jwt: JwtConfiguration, disallowed: readonly string[]): FieldError[] {
    appendAll(this.errors, checkIssuer(jwt.issuer, disallowed, `${this.path}.issuer`));
    this.claimRules(jwt.claimValidationRules);
    this.mappings(jwt.claimMappings);
    this.userRules(jwt.userValidationRules);
    return this.errors;
  }

  private claimRules(rules: readonly ClaimValidationRule[]): void {
    const claims = new Set<string>();
    const expressions = new Set<string>();
    for (const [i, { claim, requiredValue, expression, message }] of rules.entries()) {
      const path = `${this.path}.claimValidationRules[${i}]`;
      if (claim !== '' && expression !== '') {
        this.errors.push(field.invalid(path, claim, "claim and expression can't both be set"));
      } else if (claim === '' && expression === '') {
        this.errors.push(field.required(path, 'claim or expression is required'));
      } else if (claim !== '') {
        if (message !== '') {
          this.errors.push(field.invalid(`${path}.message`, message, 'may not be specified when claim is set'));
        }
        if (claims.has(claim)) this.errors.push(field.duplicate(`${path}.claim`, claim));
        claims.add(claim);
      } else {
        if (requiredValue !== '') {
          const detail = 'may not be specified when expression is set';
          this.errors.push(field.invalid(`${path}.requiredValue`, requiredValue, detail));
        }
        if (expressions.has(expression)) {
          this.errors.push(field.duplicate(`${path}.expression`, expression));
          continue;
        }
        expressions.add(expression);
        const compile = () => compileClaimExpression(expression, cel.bool);
        this.verified(this.compiled(`${path}.expression`, expression, compile));
      }
    }
  }

  private mappings({ username, groups, uid, extra }: ClaimMappings): void {
    const path = `${this.path}.claimMappings`;
    const name = this.claimOrExpression(`${path}.username`, username, true);
    this.usesEmail = name?.reads('claims', 'email') ?? false;
    this.verified(name);
    this.claimOrExpression(`${path}.groups`, groups, false);
    if (uid.claim !== '' && uid.expression !== '') {
      this.errors.push(field.invalid(`${path}.uid`, '', "claim and expression can't both be set"));
    } else if (uid.expression !== '') {
      this.compiled(`${path}.uid.expression`, uid.expression, () => compileClaimExpression(uid.expression));
    }
    this.extra(extra);
    if (this.usesEmail && !this.usesEmailVerified) {
      const detail =
        'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression ' +
        'or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';
      this.errors.push(field.invalid(`${path}.username.expression`, username.expression, detail));
    }
  }

  private claimOrExpression(
    path: string,
    { claim, expression, prefix }: ClaimOrExpression,
    isRequired: boolean,
  ): CelProgram | undefined {
    if (claim !== '' && expression !== '') {
      this.errors.push(field.invalid(path, '', "claim and expression can't both be set"));
    } else if (expression !== '') {
      if (prefix !== undefined) {
        this.errors.push(field.invalid(`${path}.prefix`, prefix, 'may not be specified when expression is set'));
      }
      return this.compiled(`${path}.expression`, expression, () => compileClaimExpression(expression));
    } else if (claim !== '') {
      if (prefix === undefined) {
        const detail = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing';
        this.errors.push(field.required(`${path}.prefix`, detail));
      }
    } else if (isRequired) {
      this.errors.push(field.required(path, 'claim or expression is required'));
    }
    return undefined;
  }

  private extra(mappings: ClaimMappings['extra']): void {
    const keys = new Set<string>();
    for (const [i, { key, valueExpression }] of mappings.entries()) {
      const path = `${this.path}.claimMappings.extra[${i}]`;
      this.extraKey(`${path}.key`, key);
      if (keys.has(key)) {
        this.errors.push(field.duplicate(`${path}.key`, key));
        continue;
      }
      keys.add(key);
      if (valueExpression === '') {
        this.errors.push(field.required(`${path}.valueExpression`));
        continue;
      }
      const compile = () => compileClaimExpression(valueExpression);
      this.verified(this.compiled(`${path}.valueExpression`, valueExpression, compile));
    }
  }

  private extraKey(path: string, key: string): void {
    if (key === '') this.errors.push(field.required(path));
    else {
      for (const { value, message } of domainPrefixedPathProblems(key)) {
        this.errors.push(field.invalid(path, value, message));
      }
    }
    if (key !== key.toLowerCase()) this.errors.push(field.invalid(path, key, 'must be lowercase'));
    const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
    if (['kubernetes.io', 'k8s.io'].some((own) => domain === own || domain.endsWith(`.${own}`))) {
      const detail = 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use';
      this.errors.push(field.invalid(path, key, detail));
    }
  }

  private userRules(rules: readonly UserValidationRule[]): void {
    const expressions = new Set<string>();
    for (const [i, { expression }] of rules.entries()) {
      const path = `${this.path}.userValidationRules[${i}].expression`;
      if (expression === '') this.errors.push(field.required(path));
      else if (expressions.has(expression)) this.errors.push(field.duplicate(path, expression));
      else {
        expressions.add(expression);
        this.compiled(path, expression, () => compileUserExpression(expression));
      }
    }
  }

  private compiled(path: string, expression: string, compile: () => CelProgram): CelProgram | undefined {
    try {
      return compile();
    } catch (error) {
      this.errors.push(field.invalid(path, expression, (error as Error).message));
      return undefined;
    }
  }

  private verified(program: CelProgram | undefined): void {
    this.usesEmailVerified ||= program?.reads('claims', 'email_verified') ?? false;
  }
}
