import { largest } from '#apimachinery';
import * as baseline from './baseline-checks.js';
import { type CheckedPod, type CheckPod, type Finding, unlessOwnUsers, unlessWindows } from './pod-check.js';
import { LATEST, type LevelVersion } from './pod-policy.js';
import * as restricted from './restricted-checks.js';

interface PolicyCheck {
  level: 'baseline' | 'restricted';
  /** By the minor version that each is from on. */
  from: Readonly<Record<number, CheckPod>>;
  /** The check of the baseline level in whose place it is; from its first version on. */
  replaces?: string;
}

const SYSCTLS = [
  ...['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies'],
  ...['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start'],
];
const SYSCTLS_27 = [...SYSCTLS, 'net.ipv4.ip_local_reserved_ports'];
const SYSCTLS_29 = [
  ...[...SYSCTLS_27, 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl'],
  'net.ipv4.tcp_keepalive_probes',
];
const SYSCTLS_32 = [...SYSCTLS_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];
const SYSCTLS_37 = [...SYSCTLS_32, 'net.ipv4.tcp_slow_start_after_idle', 'net.ipv4.tcp_notsent_lowat'];

/** The Pod Security Standards of Kubernetes v1.37, in the order of messages. */
const CHECKS: readonly (readonly [id: string, PolicyCheck])[] = [
  ['appArmorProfile', { level: 'baseline', from: { 0: baseline.appArmorProfile } }],
  ['capabilities_baseline', { level: 'baseline', from: { 0: baseline.capabilitiesBaseline } }],
  ['hostNamespaces', { level: 'baseline', from: { 0: baseline.hostNamespaces } }],
  ['hostPathVolumes', { level: 'baseline', from: { 0: baseline.hostPathVolumes } }],
  ['hostPorts', { level: 'baseline', from: { 0: baseline.hostPorts } }],
  ['hostProbesAndHostLifecycle', { level: 'baseline', from: { 34: baseline.hostProbes } }],
  ['privileged', { level: 'baseline', from: { 0: baseline.privileged } }],
  ['procMount', { level: 'baseline', from: { 0: baseline.procMount, 35: unlessOwnUsers(baseline.procMount) } }],
  [
    'seLinuxOptions',
    {
      level: 'baseline',
      from: { 0: baseline.seLinuxOptions([]), 31: baseline.seLinuxOptions(['container_engine_t']) },
    },
  ],
  [
    'seccompProfile_baseline',
    { level: 'baseline', from: { 0: baseline.seccompAnnotations, 19: baseline.seccompProfileBaseline } },
  ],
  [
    'sysctls',
    {
      level: 'baseline',
      from: {
        0: baseline.sysctls(SYSCTLS),
        27: baseline.sysctls(SYSCTLS_27),
        29: baseline.sysctls(SYSCTLS_29),
        32: baseline.sysctls(SYSCTLS_32),
        37: baseline.sysctls(SYSCTLS_37),
      },
    },
  ],
  ['windowsHostProcess', { level: 'baseline', from: { 0: baseline.windowsHostProcess } }],
  [
    'allowPrivilegeEscalation',
    {
      level: 'restricted',
      from: { 8: restricted.allowPrivilegeEscalation, 25: unlessWindows(restricted.allowPrivilegeEscalation) },
    },
  ],
  [
    'capabilities_restricted',
    {
      level: 'restricted',
      from: { 22: restricted.capabilitiesRestricted, 25: unlessWindows(restricted.capabilitiesRestricted) },
      replaces: 'capabilities_baseline',
    },
  ],
  ['procMount_restricted', { level: 'restricted', from: { 35: baseline.procMount }, replaces: 'procMount' }],
  [
    'restrictedVolumes',
    { level: 'restricted', from: { 0: restricted.restrictedVolumes }, replaces: 'hostPathVolumes' },
  ],
  [
    'runAsNonRoot',
    { level: 'restricted', from: { 0: restricted.runAsNonRoot, 35: unlessOwnUsers(restricted.runAsNonRoot) } },
  ],
  ['runAsUser', { level: 'restricted', from: { 23: restricted.runAsUser, 35: unlessOwnUsers(restricted.runAsUser) } }],
  [
    'seccompProfile_restricted',
    {
      level: 'restricted',
      from: { 19: restricted.seccompProfileRestricted, 25: unlessWindows(restricted.seccompProfileRestricted) },
      replaces: 'seccompProfile_baseline',
    },
  ],
];

/** The last minor version in which a check changed: later versions are as that one. */
const NEWEST = largest(
  CHECKS.flatMap(([, { from }]) => Object.keys(from).map(Number)),
  0,
);

const checksOf = new Map<string, readonly CheckPod[]>();

/** What a pod violates of a level, in the order of messages. */
export function violations({ level, version }: LevelVersion, pod: CheckedPod): Finding[] {
  if (level === 'privileged') return [];
  const minor = version === LATEST ? NEWEST : Math.min(version, NEWEST);
  const key = `${level} ${minor}`;
  let checks = checksOf.get(key);
  if (checks === undefined) checksOf.set(key, (checks = checksAt(level, minor)));
  return checks.map((check) => check(pod)).filter((finding) => finding !== undefined);
}

function checksAt(level: 'baseline' | 'restricted', minor: number): readonly CheckPod[] {
  const active = CHECKS.filter(([, check]) => check.level === 'baseline' || check.level === level).flatMap(
    ([id, check]) => {
      const versions = Object.keys(check.from)
        .map(Number)
        .filter((version) => version <= minor);
      return versions.length === 0 ? [] : [{ id, ...check, run: check.from[largest(versions, 0)]! }];
    },
  );
  const replaced = new Set(active.map(({ replaces }) => replaces));
  return active.filter(({ id }) => !replaced.has(id)).map(({ run }) => run);
}

/** `host namespaces, privileged` */
export function reasonsText(findings: readonly Finding[]): string {
  return findings.map(({ reason }) => reason).join(', ');
}

/** The same with what is wrong: `hostPort (container "a" uses hostPort 80)` */
export function detailsText(findings: readonly Finding[]): string {
  return findings.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}
