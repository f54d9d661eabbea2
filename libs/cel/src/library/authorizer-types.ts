import { type CelType, cel } from '../type.js';

const named = (name: string) => cel.object(`kubernetes.authorization.${name}`, {});

export const AUTHORIZER = named('Authorizer');
export const PATH_CHECK = named('PathCheck');
export const GROUP_CHECK = named('GroupCheck');
export const RESOURCE_CHECK = named('ResourceCheck');
export const DECISION = named('Decision');

/** Variables of an environment with an authorizer; the second is one name with a dot, not a field. */
export const AUTHORIZER_VARIABLES: Readonly<Record<string, CelType>> = {
  authorizer: AUTHORIZER,
  'authorizer.requestResource': RESOURCE_CHECK,
};
