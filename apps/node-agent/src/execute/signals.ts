/** CRI's numbers of stop signals: the names in its order, which is alphabetical, and then the real-time ones. */

const NAMES = [
  'SIGABRT',
  'SIGALRM',
  'SIGBUS',
  'SIGCHLD',
  'SIGCLD',
  'SIGCONT',
  'SIGFPE',
  'SIGHUP',
  'SIGILL',
  'SIGINT',
  'SIGIO',
  'SIGIOT',
  'SIGKILL',
  'SIGPIPE',
  'SIGPOLL',
  'SIGPROF',
  'SIGPWR',
  'SIGQUIT',
  'SIGSEGV',
  'SIGSTKFLT',
  'SIGSTOP',
  'SIGSYS',
  'SIGTERM',
  'SIGTRAP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGUSR1',
  'SIGUSR2',
  'SIGVTALRM',
  'SIGWINCH',
  'SIGXCPU',
  'SIGXFSZ',
];
const FIRST_REAL_TIME = 35;
const REAL_TIME_MIN_STEPS = 15;
const REAL_TIME_MAX_STEPS = 14;

/** 0, the runtime's default, for a name that is unknown. */
export function signalNumber(name: string): number {
  const index = NAMES.indexOf(name);
  if (index !== -1) return index + 1;
  const realTime = /^SIGRTM(IN|AX)(?:([+-])(\d+))?$/.exec(name);
  if (!realTime) return 0;
  const steps = Number(realTime[3] ?? 0);
  if (realTime[1] === 'IN') return steps <= REAL_TIME_MIN_STEPS ? FIRST_REAL_TIME + steps : 0;
  const last = FIRST_REAL_TIME + REAL_TIME_MIN_STEPS + REAL_TIME_MAX_STEPS + 1;
  return steps <= REAL_TIME_MAX_STEPS ? last - steps : 0;
}
