import { isDNS1123Label, isDNS1123Subdomain } from '#apimachinery';
import { ConfigurationObject } from '../../configuration/configuration-object.js';
import type { PodSecurityOptions } from '../plugins/pod-security.js';
import {
  BAD_LEVEL,
  BAD_VERSION,
  type LevelVersion,
  type Mode,
  parseLevel,
  parseVersion,
} from '../pod-security/pod-policy.js';

const GROUP = 'pod-security.admission.config.k8s.io';
const VERSIONS = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `${GROUP}/${version}`);
const MODE_FIELDS = ['enforce', 'audit', 'warn'].flatMap((mode) => [mode, `${mode}-version`]);

/** A PodSecurityConfiguration. Throws ConfigurationError. */
export function readPodSecurity(path: string, value: unknown): PodSecurityOptions {
  const object = ConfigurationObject.ofKind(path, value, VERSIONS, 'PodSecurityConfiguration', [
    'defaults',
    'exemptions',
  ]);
  const defaults = object.object('defaults', MODE_FIELDS);
  const exemptions = object.object('exemptions', ['usernames', 'runtimeClasses', 'namespaces']);
  const modeOf = (mode: Mode) => readMode(defaults, mode);
  return {
    defaults: { enforce: modeOf('enforce'), audit: modeOf('audit'), warn: modeOf('warn') },
    exempt: {
      usernames: names(exemptions, 'usernames', (name) => (name === '' ? ['username must not be empty'] : [])),
      runtimeClasses: names(exemptions, 'runtimeClasses', isDNS1123Subdomain),
      namespaces: names(exemptions, 'namespaces', isDNS1123Label),
    },
  };
}

function readMode(defaults: ConfigurationObject | undefined, mode: Mode): LevelVersion {
  const level = parseLevel(defaults?.text(mode) || 'privileged');
  if (level === undefined) throw defaults!.error(mode, BAD_LEVEL);
  const version = parseVersion(defaults?.text(`${mode}-version`) || 'latest');
  if (version === undefined) throw defaults!.error(`${mode}-version`, BAD_VERSION);
  return { level, version };
}

function names(
  exemptions: ConfigurationObject | undefined,
  field: string,
  problems: (name: string) => readonly string[],
): ReadonlySet<string> {
  const all = new Set<string>();
  for (const [i, name] of (exemptions?.texts(field) ?? []).entries()) {
    const wrong = problems(name);
    if (wrong.length > 0) throw exemptions!.error(`${field}[${i}]`, wrong.join(', '));
    if (all.has(name)) throw exemptions!.error(`${field}[${i}]`, `Duplicate value: ${JSON.stringify(name)}`);
    all.add(name);
  }
  return all;
}
