import type { UserInfo } from './meta.js';

/** The parts of a certificate's subject that name a user, as Node's TLS gives them: a list when one is repeated. */
export interface CertificateSubject {
  CN?: string | string[];
  O?: string | string[];
}

/**
 * Whom a client certificate names: the common name is the user and every organization a group. Of several common names
 * the last counts, as in Go's pkix.Name. All servers of a cluster have to agree on that. Undefined without a name.
 */
export function certificateUser({ CN, O }: CertificateSubject): Pick<UserInfo, 'name' | 'groups'> | undefined {
  const name = CN === undefined ? undefined : [CN].flat().at(-1);
  return name ? { name, groups: O === undefined ? [] : [O].flat() } : undefined;
}
