import { jsonWebKeys } from './service-account-tokens.js';
import type { VerificationKey } from './token-signature.js';

export const OPENID_CONFIGURATION_PATH = '/.well-known/openid-configuration';
export const JWKS_PATH = '/openid/v1/jwks';
/** How long relying parties may keep the documents. */
export const OPENID_CACHE_CONTROL = 'public, max-age=3600';

export interface OpenIdDocument {
  contentType: string;
  cacheControl: string;
  body: string;
}

/** The two documents by which others verify this cluster's ServiceAccount tokens. `address` is host:port of the server. */
export function openIdDocuments(
  issuer: string,
  address: string,
  keys: readonly VerificationKey[],
): { configuration: OpenIdDocument; jwks: OpenIdDocument } {
  const configuration = {
    issuer,
    jwks_uri: `https://${address}${JWKS_PATH}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(keys.map((key) => key.algorithm))].sort(),
  };
  return {
    configuration: document('application/json', configuration),
    jwks: document('application/jwk-set+json', jsonWebKeys(keys)),
  };
}

function document(contentType: string, body: unknown): OpenIdDocument {
  return { contentType, cacheControl: OPENID_CACHE_CONTROL, body: JSON.stringify(body) };
}
