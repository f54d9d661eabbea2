import { createSecureContext } from 'node:tls';
import { appendAll, type FieldError, field, quote } from '#apimachinery';
import type { IssuerConfiguration } from './authentication-configuration.js';

const MATCH_ANY = 'MatchAny';

export function checkIssuer(issuer: IssuerConfiguration, disallowed: readonly string[], path: string): FieldError[] {
  const { url, discoveryURL, certificateAuthority, egressSelectorType } = issuer;
  const errors = url === '' ? [field.required(`${path}.url`)] : checkUrl(url, disallowed, `${path}.url`);
  if (discoveryURL !== '') {
    if (url !== '' && withoutSlashes(url) === withoutSlashes(discoveryURL)) {
      errors.push(field.invalid(`${path}.discoveryURL`, discoveryURL, 'discoveryURL must be different from URL'));
    }
    appendAll(errors, checkUrl(discoveryURL, [], `${path}.discoveryURL`));
  }
  appendAll(errors, checkAudiences(issuer, path));
  if (certificateAuthority !== '' && !isBundle(certificateAuthority)) {
    const detail = 'data does not contain any valid RSA or ECDSA certificates';
    errors.push(field.invalid(`${path}.certificateAuthority`, '<omitted>', detail));
  }
  if (egressSelectorType !== '') {
    const known = ['controlplane', 'cluster'].includes(egressSelectorType);
    const detail = known
      ? 'this server has no egress selectors: it connects to issuers itself'
      : 'egress selector must be either controlplane or cluster';
    errors.push(field.invalid(`${path}.egressSelectorType`, egressSelectorType, detail));
  }
  return errors;
}

function withoutSlashes(url: string): string {
  return url.replace(/\/+$/, '');
}

/** The parts of a URL as RFC 3986 has them: what is no https URL still gets the message of the part that is wrong. */
const URL_PARTS = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s;

function checkUrl(url: string, disallowed: readonly string[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (disallowed.includes(url)) {
    const issuers = [...disallowed].sort().join(' ');
    errors.push(field.invalid(path, url, `URL must not overlap with disallowed issuers: [${issuers}]`));
  }
  const problem = parseProblem(url);
  if (problem !== undefined) return [...errors, field.invalid(path, url, `parse ${quote(url)}: ${problem}`)];
  const [, scheme = '', authority = '', query = '', fragment = ''] = URL_PARTS.exec(url)!;
  if (scheme.toLowerCase() !== 'https') errors.push(field.invalid(path, url, 'URL scheme must be https'));
  if (authority.includes('@')) errors.push(field.invalid(path, url, 'URL must not contain a username or password'));
  if (query !== '') errors.push(field.invalid(path, url, 'URL must not contain a query'));
  if (fragment !== '') errors.push(field.invalid(path, url, 'URL must not contain a fragment'));
  return errors;
}

function parseProblem(url: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
  if (/[\x00-\x1f\x7f]/.test(url)) return 'net/url: invalid control character in URL';
  if (url.startsWith(':')) return 'missing protocol scheme';
  if (!/^https:/i.test(url)) return undefined;
  return URL.canParse(url) ? undefined : 'invalid URL';
}

function checkAudiences({ audiences, audienceMatchPolicy: policy }: IssuerConfiguration, path: string): FieldError[] {
  const at = `${path}.audiences`;
  if (audiences.length === 0) return [field.required(at, `at least one ${at} is required`)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, audience] of audiences.entries()) {
    if (audience === '') errors.push(field.required(`${at}[${i}]`));
    if (seen.has(audience)) errors.push(field.duplicate(`${at}[${i}]`, audience));
    seen.add(audience);
  }
  if (audiences.length > 1 && policy !== MATCH_ANY) {
    const detail = 'audienceMatchPolicy must be MatchAny for multiple audiences';
    errors.push(field.invalid(`${path}.audienceMatchPolicy`, policy, detail));
  }
  if (audiences.length === 1 && policy !== '' && policy !== MATCH_ANY) {
    const detail = 'audienceMatchPolicy must be empty or MatchAny for single audience';
    errors.push(field.invalid(`${path}.audienceMatchPolicy`, policy, detail));
  }
  return errors;
}

function isBundle(pem: string): boolean {
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) return false;
  try {
    createSecureContext({ ca: pem });
    return true;
  } catch {
    return false;
  }
}
