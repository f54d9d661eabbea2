/** What enforces a rule that the validator of the kind cannot check: it takes more than the object and the one before it. */
export const enforcers = [
  'access reviews',
  'admission escalation check',
  'admission NamespaceLifecycle',
  'admission parameter check',
  'admission PersistentVolumeClaimResize',
  'admission Priority',
  'binding',
  'eviction',
  'pod log proxy',
  'registry',
  'resource facts',
  'scale',
  'self subject review',
  'service allocator',
  'strategy',
  'token request',
  'token review',
] as const;

export type Enforcer = (typeof enforcers)[number];

/** A rule in words that something else than a validator enforces. */
export interface EnforcedRule {
  readonly rule: string;
  readonly enforcedBy: Enforcer;
}

/** One thing that a kind demands, in words. */
export type Rule = string | EnforcedRule;
