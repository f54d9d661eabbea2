import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../generated/types.js';
import type { KindStrategy } from '../../registry/kind-strategy.js';
import { keepField, timeText } from '../../registry/metadata.js';

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
    const kept = (old.status?.conditions ?? []).filter(isDecision);
    const others = (csr.status?.conditions ?? []).filter((condition) => !isDecision(condition));
    const added = (csr.status?.conditions ?? []).filter(isDecision).slice(kept.length);
    const conditions = [...kept, ...added, ...others];
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

function isDecision({ type }: CertificateSigningRequestCondition): boolean {
  return type === 'Approved' || type === 'Denied';
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
