import type { Lister } from '../admission/lister.js';
import { accessReviewResources } from '../authorization/access-reviews.js';
import type { Authorization } from '../authorization/authorizer-chain.js';
import type { VirtualResource } from '../authorization/virtual-resource.js';
import type { Authentication } from './request-authenticator.js';
import { selfSubjectReviewResource, tokenReviewResource } from './reviews.js';
import type { ServiceAccountTokenIssuer } from './service-account-tokens.js';
import { tokenRequestResource } from './token-request.js';

export interface VirtualResourceOptions {
  authentication: Authentication;
  authorization: Authorization;
  tokenIssuer: ServiceAccountTokenIssuer;
  lister: Lister;
}

/** Everything that is answered and not stored: tokens, token reviews, access reviews. */
export function virtualResources(options: VirtualResourceOptions): VirtualResource[] {
  const { authentication, authorization, tokenIssuer, lister } = options;
  return [
    tokenRequestResource({ issuer: tokenIssuer, audiences: authentication.audiences, lister }),
    tokenReviewResource(authentication.tokens, authentication.audiences),
    selfSubjectReviewResource(),
    ...accessReviewResources(authorization),
  ];
}
