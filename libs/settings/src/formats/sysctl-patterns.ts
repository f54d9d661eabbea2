/** Kernel namespaces, in the words of upstream's messages. */
export type SysctlNamespace = 'UTS' | 'IPC' | 'Net' | 'User';

/** Those that the kernel keeps apart for each pod. */
const NAMESPACED: readonly [pattern: RegExp, namespace: SysctlNamespace][] = [
  [/^kernel\.domainname$/, 'UTS'],
  [/^kernel\.(sem|shm|shmall|shmmax|shmmni|shm_rmid_forced|msg|msgmax|msgmnb|msgmni)$/, 'IPC'],
  [/^fs\.mqueue\./, 'IPC'],
  [/^net\./, 'Net'],
  [/^user\./, 'User'],
];

const PATTERN = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]$/;
const MAX_LENGTH = 253;

/** With dots between its parts, whichever way it was written; a slash then stands for a dot within a part. */
export function normalSysctl(name: string): string {
  if (/[./]/.exec(name)?.[0] !== '/') return name;
  return name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}

export function sysctlNamespace(name: string): SysctlNamespace | undefined {
  return NAMESPACED.find(([pattern]) => pattern.test(name))?.[1];
}

/** Parses `kernel.msg*,net.core.somaxconn`. Throws an Error with one line. */
export function parseSysctlPatterns(text: string): string[] {
  const patterns = text
    .split(',')
    .map((pattern) => pattern.trim())
    .filter(Boolean);
  for (const pattern of patterns) {
    if (pattern.length > MAX_LENGTH || !PATTERN.test(pattern)) throw new Error(`${pattern} is no sysctl`);
    if (!sysctlNamespace(normalSysctl(pattern).replace(/\*.*$/, ''))) {
      throw new Error(`the sysctl ${pattern} is not known to be namespaced`);
    }
  }
  return patterns.map(normalSysctl);
}
