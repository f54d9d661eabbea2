import { quote } from '#apimachinery';
import type { Functions } from '../check/declarations.js';
import { cel } from '../type.js';
import { fail, OpaqueValue, type Value } from '../values/value.js';

/** Versions of Kubernetes' library: k8s.io/apiserver/pkg/cel/library/semverlib.go; its parser is github.com/blang/semver. */

export const SEMVER = cel.object('kubernetes.Semver', {});

interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: readonly string[];
}

class SemverValue extends OpaqueValue {
  readonly type = SEMVER;

  constructor(readonly version: Version) {
    super();
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof SemverValue && compareVersions(this.version, other.version) === 0;
  }
}

export function declareSemver(functions: Functions): void {
  const { bool, int, string } = cel;
  const of = (value: Value | undefined) => (value as SemverValue).version;
  const parse = (text?: Value, lenient?: Value) =>
    new SemverValue(required(tryParse(text as string, lenient === true)));
  const isVersion = (text?: Value, lenient?: Value) => typeof tryParse(text as string, lenient === true) !== 'string';
  functions.global('semver', 'string_to_semver', [string], SEMVER, parse);
  functions.global('semver', 'string_bool_to_semver', [string, bool], SEMVER, parse);
  functions.global('isSemver', 'is_semver_string', [string], bool, isVersion);
  functions.global('isSemver', 'is_semver_string_bool', [string, bool], bool, isVersion);
  const compare = (name: string, id: string, holds: (order: number) => boolean) =>
    functions.member(name, id, [SEMVER, SEMVER], bool, (a, b) => holds(compareVersions(of(a), of(b))));
  compare('isGreaterThan', 'semver_is_greater_than', (order) => order > 0);
  compare('isLessThan', 'semver_is_less_than', (order) => order < 0);
  functions.member('compareTo', 'semver_compare_to', [SEMVER, SEMVER], int, (a, b) =>
    BigInt(compareVersions(of(a), of(b))),
  );
  functions.member('major', 'semver_major', [SEMVER], int, (value) => of(value).major);
  functions.member('minor', 'semver_minor', [SEMVER], int, (value) => of(value).minor);
  functions.member('patch', 'semver_patch', [SEMVER], int, (value) => of(value).patch);
}

function required(version: Version | string): Version {
  return typeof version === 'string' ? fail(version) : version;
}

/** The version, or why there is none. A lenient text may have a `v`, leading zeros and fewer parts. */
function tryParse(text: string, lenient: boolean): Version | string {
  if (!lenient) return parseVersion(text);
  const parts = splitVersion(text.replace(/^v/, '')).map((part) => {
    if (part.length <= 1) return part;
    const trimmed = part.replace(/^0+/, '');
    return /^\d/.test(trimmed) ? trimmed : `0${trimmed}`;
  });
  if (parts.length < 3 && /[+-]/.test(parts.at(-1)!)) return 'short version cannot contain PreRelease/Build meta data';
  return parseVersion([...parts, '0', '0'].slice(0, Math.max(3, parts.length)).join('.'));
}

/** At the first two dots. */
function splitVersion(text: string): string[] {
  const parts = text.split('.');
  return parts.length <= 3 ? parts : [parts[0]!, parts[1]!, parts.slice(2).join('.')];
}

const ALPHANUMERIC = /^[0-9A-Za-z-]+$/;

function parseVersion(text: string): Version | string {
  if (text === '') return 'Version string empty';
  const parts = splitVersion(text);
  if (parts.length !== 3) return 'No Major.Minor.Patch elements found';
  const [majorText, minorText, rest] = parts as [string, string, string];
  const [beforeBuild = '', ...build] = rest.split('+');
  const dash = beforeBuild.indexOf('-');
  const patchText = dash === -1 ? beforeBuild : beforeBuild.slice(0, dash);
  const prerelease = dash === -1 ? [] : beforeBuild.slice(dash + 1).split('.');
  const problem =
    numberProblem('Major', majorText) ??
    numberProblem('Minor', minorText) ??
    numberProblem('Patch', patchText) ??
    prereleaseProblem(prerelease) ??
    (build.length > 0 ? buildProblem(build.join('+').split('.')) : undefined);
  if (problem !== undefined) return problem;
  return { major: BigInt(majorText), minor: BigInt(minorText), patch: BigInt(patchText), prerelease };
}

function numberProblem(name: string, text: string): string | undefined {
  if (!/^\d*$/.test(text)) return `Invalid character(s) found in ${name.toLowerCase()} number ${quote(text)}`;
  if (text.length > 1 && text.startsWith('0')) return `${name} number must not contain leading zeroes ${quote(text)}`;
  if (text === '') return `strconv.ParseUint: parsing "": invalid syntax`;
  if (text.length > 20 || BigInt(text) >= 2n ** 64n) {
    return `strconv.ParseUint: parsing ${quote(text)}: value out of range`;
  }
  return undefined;
}

function prereleaseProblem(parts: readonly string[]): string | undefined {
  for (const part of parts) {
    if (part === '') return 'Prerelease is empty';
    if (/^\d+$/.test(part)) {
      if (part.length > 1 && part.startsWith('0')) {
        return `Numeric PreRelease version must not contain leading zeroes ${quote(part)}`;
      }
    } else if (!ALPHANUMERIC.test(part)) return `Invalid character(s) found in prerelease ${quote(part)}`;
  }
  return undefined;
}

function buildProblem(parts: readonly string[]): string | undefined {
  for (const part of parts) {
    if (part === '') return 'Build meta data is empty';
    if (!ALPHANUMERIC.test(part)) return `Invalid character(s) found in build meta data ${quote(part)}`;
  }
  return undefined;
}

function compareVersions(a: Version, b: Version): -1 | 0 | 1 {
  return (
    order(a.major, b.major) ||
    order(a.minor, b.minor) ||
    order(a.patch, b.patch) ||
    comparePrereleases(a.prerelease, b.prerelease)
  );
}

/** A version comes after all its prereleases. */
function comparePrereleases(a: readonly string[], b: readonly string[]): -1 | 0 | 1 {
  if (a.length === 0 || b.length === 0) return order(b.length, a.length);
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const result = compareIdentifiers(a[index]!, b[index]!);
    if (result !== 0) return result;
  }
  return order(a.length, b.length);
}

/** Numbers come before words. */
function compareIdentifiers(a: string, b: string): -1 | 0 | 1 {
  const numeric = [a, b].map((text) => /^\d+$/.test(text));
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  return numeric[0] ? order(BigInt(a), BigInt(b)) : order(a, b);
}

function order<T extends bigint | number | string>(a: T, b: T): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}
