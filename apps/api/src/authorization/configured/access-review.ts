import type { AuthorizationAttributes, SelectorRequirement } from '../authorizer.js';

/** `spec` of a SubjectAccessReview, as the reference writes it: what is empty is absent. */
export interface ReviewSpec {
  resourceAttributes?: Readonly<Record<string, unknown>>;
  nonResourceAttributes?: { path: string; verb: string };
  user?: string;
  groups?: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
  uid?: string;
}

export function reviewSpec(attributes: AuthorizationAttributes): ReviewSpec {
  const { user, resourceRequest, path, verb } = attributes;
  const { name, uid, groups, extra } = user;
  return {
    ...(resourceRequest
      ? { resourceAttributes: resourceAttributes(attributes) }
      : { nonResourceAttributes: { path, verb } }),
    ...(name ? { user: name } : undefined),
    ...(groups.length > 0 ? { groups } : undefined),
    ...(extra && Object.keys(extra).length > 0 ? { extra } : undefined),
    ...(uid ? { uid } : undefined),
  };
}

/** The same in a version: v1beta1 calls the groups `group`. */
export function writtenSpec({ groups, ...rest }: ReviewSpec, version: string): object {
  if (groups === undefined) return rest;
  return version === 'v1beta1' ? { ...rest, group: groups } : { ...rest, groups };
}

function resourceAttributes(attributes: AuthorizationAttributes): Record<string, unknown> {
  const { namespace, verb, group, version, resource, subresource, name, fieldSelector, labelSelector } = attributes;
  const texts = Object.entries({ namespace, verb, group, version, resource, subresource, name });
  return {
    ...Object.fromEntries(texts.filter(([, text]) => text !== '')),
    ...selector('fieldSelector', fieldSelector),
    ...selector('labelSelector', labelSelector),
  };
}

function selector(name: string, requirements: readonly SelectorRequirement[] | undefined) {
  if (!requirements?.length) return undefined;
  const listed = requirements.map(({ key, operator, values }) => ({
    ...{ key, operator },
    ...(values.length > 0 ? { values } : undefined),
  }));
  return { [name]: { requirements: listed } };
}

/** What a requester chose freely is not remembered where it is long: it would be a way to fill the memory. */
export function isShort(attributes: AuthorizationAttributes): boolean {
  const { namespace, verb, group, version, resource, subresource, name, path } = attributes;
  return [namespace, verb, group, version, resource, subresource, name, path].join('').length < LONGEST_REMEMBERED;
}

const LONGEST_REMEMBERED = 10_000;
