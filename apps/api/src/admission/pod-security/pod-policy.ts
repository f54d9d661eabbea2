import { type FieldError, FieldPath, field, ownValue } from '#apimachinery';

export type Level = 'privileged' | 'baseline' | 'restricted';

/** The version that is always the newest. */
export const LATEST = Number.POSITIVE_INFINITY;

/** A level of the Pod Security Standards, as a minor version of Kubernetes has it. */
export interface LevelVersion {
  readonly level: Level;
  /** The minor version, or LATEST. */
  readonly version: number;
}

export const MODES = ['enforce', 'audit', 'warn'] as const;
export type Mode = (typeof MODES)[number];
export type PodPolicy = Readonly<Record<Mode, LevelVersion>>;

export const LABEL_PREFIX = 'pod-security.kubernetes.io/';
const LEVELS: readonly string[] = ['privileged', 'baseline', 'restricted'];

const ANYTHING: LevelVersion = { level: 'privileged', version: LATEST };
export const PRIVILEGED: PodPolicy = { enforce: ANYTHING, audit: ANYTHING, warn: ANYTHING };

/** Undefined: no level. */
export function parseLevel(text: string): Level | undefined {
  return LEVELS.includes(text) ? (text as Level) : undefined;
}

/** Undefined: no version. */
export function parseVersion(text: string): number | undefined {
  if (text === 'latest') return LATEST;
  const minor = /^v1\.(\d|[1-9]\d*)$/.exec(text)?.[1];
  return minor === undefined || !Number.isSafeInteger(Number(minor)) ? undefined : Number(minor);
}

export const BAD_LEVEL = `must be one of ${LEVELS.join(', ')}`;
export const BAD_VERSION = 'must be "latest" or "v1.x"';

/** `restricted:v1.25` */
export function policyText({ level, version }: LevelVersion): string {
  return `${level}:${version === LATEST ? 'latest' : `v1.${version}`}`;
}

/** Above 0: `a` is the stricter one. */
export function compareLevels(a: Level, b: Level): number {
  return LEVELS.indexOf(a) - LEVELS.indexOf(b);
}

export function isSame(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.version === b.version;
}

/** Nobody can tell versions of what allows everything apart. */
export function isEquivalent(a: LevelVersion, b: LevelVersion): boolean {
  return isSame(a, b) || (a.level === 'privileged' && b.level === 'privileged');
}

export function isPrivileged(policy: PodPolicy): boolean {
  return MODES.every((mode) => policy[mode].level === 'privileged');
}

export interface NamespacePolicy {
  readonly policy: PodPolicy;
  readonly errors: readonly FieldError[];
}

/**
 * What a namespace's labels ask for, on top of the defaults. Labels that mean nothing are errors; what is wrong with `enforce` makes
 * it strict, and what is wrong with the others makes them silent. `enforce` warns as well, unless it is said otherwise.
 */
export function policyOf(labels: Readonly<Record<string, string>> | undefined, defaults: PodPolicy): NamespacePolicy {
  const errors: FieldError[] = [];
  const asked = (mode: Mode): LevelVersion => {
    const level = labelled(labels, mode, parseLevel, BAD_LEVEL, errors);
    const version = labelled(labels, `${mode}-version`, parseVersion, BAD_VERSION, errors);
    const otherwise = mode === 'enforce' ? 'restricted' : 'privileged';
    return {
      level: level.value ?? (level.isSet ? otherwise : defaults[mode].level),
      version: version.value ?? (version.isSet ? LATEST : defaults[mode].version),
    };
  };
  const [enforce, audit, warn] = [asked('enforce'), asked('audit'), asked('warn')];
  const label = (name: string) => ownValue(labels, `${LABEL_PREFIX}${name}`);
  const isEnforced = parseLevel(label('enforce') ?? '') !== undefined;
  if (label('warn') !== undefined || !isEnforced || compareLevels(enforce.level, warn.level) <= 0) {
    return { policy: { enforce, audit, warn }, errors };
  }
  const version = label('warn-version') === undefined ? enforce.version : warn.version;
  return { policy: { enforce, audit, warn: { level: enforce.level, version } }, errors };
}

function labelled<T>(
  labels: Readonly<Record<string, string>> | undefined,
  name: string,
  parse: (text: string) => T | undefined,
  rule: string,
  errors: FieldError[],
): { isSet: boolean; value: T | undefined } {
  const label = `${LABEL_PREFIX}${name}`;
  const text = ownValue(labels, label);
  if (text === undefined) return { isSet: false, value: undefined };
  const value = parse(text);
  if (value === undefined) errors.push(field.invalid(LABELS.key(label), text, rule));
  return { isSet: true, value };
}

const LABELS = FieldPath.of('metadata', 'labels');
