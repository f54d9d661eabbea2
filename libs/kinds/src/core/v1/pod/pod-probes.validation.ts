import { type IntOrString, isHttpHeaderName, isPortName } from '#apimachinery';
import type {
  Container,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  PodSpec,
  Probe,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/** Probes and lifecycle hooks of containers. */

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>;

const schemes = ['HTTP', 'HTTPS'];

export function checkProbes(
  at: FieldCursor,
  container: Pick<Container, 'livenessProbe' | 'readinessProbe' | 'startupProbe'>,
): void {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  if (livenessProbe !== undefined) checkOnceProbe(at, 'livenessProbe', livenessProbe);
  if (readinessProbe !== undefined) checkReadinessProbe(at, readinessProbe);
  if (startupProbe !== undefined) checkOnceProbe(at, 'startupProbe', startupProbe);
}

/** One success is all that these need: the container lives, or has started. */
function checkOnceProbe(at: FieldCursor, name: string, probe: Probe): void {
  at.enter(name);
  checkProbe(at, probe);
  if (probe.successThreshold !== 1) at.invalid('successThreshold', probe.successThreshold ?? 0, 'must be 1');
  at.leave();
}

function checkReadinessProbe(at: FieldCursor, probe: Probe): void {
  at.enter('readinessProbe');
  checkProbe(at, probe);
  const period = probe.terminationGracePeriodSeconds;
  if (period !== undefined) at.invalid('terminationGracePeriodSeconds', period, 'must not be set for readinessProbes');
  at.leave();
}

function checkProbe(at: FieldCursor, probe: Probe): void {
  checkHandler(at, probe, undefined);
  at.notNegative('initialDelaySeconds', probe.initialDelaySeconds);
  at.notNegative('timeoutSeconds', probe.timeoutSeconds);
  at.notNegative('periodSeconds', probe.periodSeconds);
  at.notNegative('successThreshold', probe.successThreshold);
  at.notNegative('failureThreshold', probe.failureThreshold);
  const period = probe.terminationGracePeriodSeconds;
  if (period !== undefined && period <= 0)
    at.invalid('terminationGracePeriodSeconds', period, 'must be greater than 0');
}

export function checkLifecycle(at: FieldCursor, lifecycle: Lifecycle, spec: PodSpec): void {
  at.enter('lifecycle');
  for (const name of ['postStart', 'preStop'] as const) {
    const handler = lifecycle[name];
    if (handler === undefined) continue;
    at.enter(name);
    checkHandler(at, handler, spec.terminationGracePeriodSeconds);
    at.leave();
  }
  if (lifecycle.stopSignal !== undefined) checkStopSignal(at, lifecycle.stopSignal, spec.os?.name);
  at.leave();
}

const handlerTypes = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

function checkHandler(at: FieldCursor, handler: Handler, gracePeriod: number | undefined): void {
  let count = 0;
  for (const type of handlerTypes) {
    if (handler[type] === undefined) continue;
    if (count++ > 0) {
      at.forbidden(type, 'may not specify more than 1 handler type');
      continue;
    }
    at.enter(type);
    checkAction(at, type, handler, gracePeriod);
    at.leave();
  }
  if (count === 0) at.required('', 'must specify a handler type');
}

function checkAction(
  at: FieldCursor,
  type: (typeof handlerTypes)[number],
  handler: Handler,
  gracePeriod: number | undefined,
): void {
  switch (type) {
    case 'exec':
      if ((handler.exec!.command?.length ?? 0) === 0) at.required('command');
      return;
    case 'httpGet':
      checkHttpGet(at, handler.httpGet!);
      return;
    case 'tcpSocket':
      checkPort(at, handler.tcpSocket!.port);
      return;
    case 'grpc':
      at.range('port', handler.grpc!.port, 1, 65_535);
      return;
    case 'sleep': {
      const { seconds } = handler.sleep!;
      if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return;
      at.invalid('', seconds, `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`);
    }
  }
}

function checkHttpGet(at: FieldCursor, action: HTTPGetAction): void {
  if (!action.path) at.required('path');
  checkPort(at, action.port);
  const scheme = action.scheme ?? '';
  if (!schemes.includes(scheme)) at.notSupported('scheme', scheme, schemes);
  for (const header of action.httpHeaders ?? []) at.format('httpHeaders', header.name, isHttpHeaderName);
}

function checkPort(at: FieldCursor, port: IntOrString): void {
  if (typeof port === 'number') at.range('port', port, 1, 65_535);
  else at.format('port', port, isPortName);
}

const windowsSignals = ['SIGKILL', 'SIGTERM'];
const namedSignals =
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX';
const linuxSignals = [
  ...namedSignals.split(' ').map((name) => `SIG${name}`),
  ...Array.from({ length: 15 }, (_, i) => `SIGRTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `SIGRTMAX-${i + 1}`),
].sort();

function checkStopSignal(at: FieldCursor, signal: string, os: string | undefined): void {
  if (os === undefined) {
    at.forbidden('stopSignal', 'may not be set for containers with empty `spec.os.name`');
    return;
  }
  const supported = os === 'windows' ? windowsSignals : os === 'linux' ? linuxSignals : undefined;
  if (supported !== undefined && !supported.includes(signal)) at.notSupported('stopSignal', signal, supported);
}
