import type { KindStrategy } from '../../../contract/kind-module.js';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../../generated/types.js';
import { keepField, timeText } from '../../../strategy/metadata.js';

export const certificateSigningRequestStrategy: KindStrategy = {
  prepareForCreate({ spec }: CertificateSigningRequest, { user }) {
    // Whose request it is cannot be claimed, only observed.
    for (const name of ['username', 'uid', 'groups', 'extra'] as const) delete spec[name];
    if (user.name !== '') spec.username = user.name;
    if (user.uid) spec.uid = user.uid;
    if (user.groups.length > 0) spec.groups = [...user.groups];
    if (Object.keys(user.extra ?? {}).length > 0) spec.extra = { ...user.extra };
  },
  prepareForUpdate(csr: CertificateSigningRequest, old: CertificateSigningRequest, { subresource, now }) {
    keepField(csr, old, 'spec');
    if (subresource !== 'status') return;
    const conditions = [...(csr.status?.conditions ?? [])];
    for (const type of ['Approved', 'Denied']) keepConditions(conditions, old.status?.conditions ?? [], type);
    csr.status = { ...csr.status, conditions: stamped(conditions, old, now) };
    if (conditions.length === 0) delete csr.status.conditions;
  },
  subresources: {
    approval(csr: CertificateSigningRequest, old: CertificateSigningRequest, { now }) {
      const conditions = stamped(csr.status?.conditions ?? [], old, now);
      keepField(csr, old, 'spec');
      csr.status = { ...old.status, conditions };
      if (conditions.length === 0) delete csr.status.conditions;
    },
  },
};

/** Conditions of this type are the stored ones; where some were added or removed, that is for validation to refuse. */
function keepConditions(
  conditions: CertificateSigningRequestCondition[],
  old: readonly CertificateSigningRequestCondition[],
  type: string,
): void {
  const kept = old.filter((condition) => condition.type === type);
  const at = [...conditions.keys()].filter((i) => conditions[i]!.type === type);
  if (at.length === kept.length) for (const [k, i] of at.entries()) conditions[i] = kept[k]!;
}

/** Fills in times that the writer left out: of the update now, of the transition where the status is another. */
function stamped(conditions: CertificateSigningRequestCondition[], old: CertificateSigningRequest, now: Date) {
  return conditions.map((condition) => {
    const before = (old.status?.conditions ?? []).find(({ type }) => type === condition.type);
    const transition =
      before !== undefined && before.status === condition.status ? before.lastTransitionTime : timeText(now);
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? timeText(now),
      lastTransitionTime: condition.lastTransitionTime ?? transition ?? timeText(now),
    };
  });
}
